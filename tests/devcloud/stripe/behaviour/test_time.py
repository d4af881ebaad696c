from devcloud.stripe.behaviour.account import Account
from devcloud.stripe.behaviour.lives import DAY, FAILS_WHEN_CHARGED, HOUR, a_life, period


async def test_a_subscription_renews_and_its_next_invoice_is_paid(account: Account) -> None:
    life = await a_life(account)
    subscription = await life.subscribe(await account.price())
    _, end = period(subscription)
    await life.go_to(end + 2 * HOUR)
    renewed = await life.again(subscription)
    assert (renewed.status, period(renewed)[0]) == ("active", end)
    newest, first = await life.invoices(subscription)
    assert (newest.status, newest.amount_paid, newest.billing_reason) == ("paid", 2500, "subscription_cycle")
    assert (newest.attempt_count, newest.id) == (1, renewed.latest_invoice)
    assert first.billing_reason == "subscription_create"


async def test_a_renewal_is_a_draft_for_about_an_hour(account: Account) -> None:
    life = await a_life(account)
    subscription = await life.subscribe(await account.price())
    await life.go_to(period(subscription)[1] + HOUR // 4)
    newest = (await life.invoices(subscription))[0]
    assert (newest.status, newest.attempted, newest.auto_advance) == ("draft", False, True)


async def test_a_renewal_that_fails_leaves_a_past_due_subscription_that_is_tried_again(account: Account) -> None:
    life = await a_life(account)
    subscription = await life.subscribe(await account.price())
    await life.card(FAILS_WHEN_CHARGED)
    _, end = period(subscription)
    await life.go_to(end + 2 * HOUR)
    failed = await life.again(subscription)
    assert failed.status == "past_due"
    newest = (await life.invoices(subscription))[0]
    assert (newest.status, newest.amount_paid, newest.amount_remaining) == ("open", 0, 2500)
    assert (newest.attempt_count, newest.attempted) == (1, True)
    assert newest.next_payment_attempt is not None
    assert newest.next_payment_attempt > end


async def test_a_better_card_and_paying_the_open_invoice_recover_it(account: Account) -> None:
    life = await a_life(account)
    subscription = await life.subscribe(await account.price())
    await life.card(FAILS_WHEN_CHARGED)
    await life.go_to(period(subscription)[1] + 2 * HOUR)
    good = await life.card("pm_card_mastercard")
    invoice = (await life.invoices(subscription))[0]
    paid = await life.client.v1.invoices.pay_async(str(invoice.id), {"payment_method": good})
    assert (paid.status, paid.amount_paid) == ("paid", 2500)
    assert (await life.again(subscription)).status == "active"


async def test_a_scheduled_end_comes_with_the_period_and_nothing_more_is_charged(account: Account) -> None:
    life = await a_life(account)
    subscription = await life.subscribe(await account.price())
    scheduled = await life.client.v1.subscriptions.update_async(subscription.id, {"cancel_at_period_end": True})
    assert (scheduled.status, scheduled.cancel_at_period_end) == ("active", True)
    _, end = period(subscription)
    assert scheduled.cancel_at == end
    await life.go_to(end + 2 * HOUR)
    ended = await life.again(subscription)
    assert ended.status == "canceled"
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.reason == "cancellation_requested"
    assert len(await life.invoices(subscription)) == 1


async def test_a_scheduled_end_can_be_taken_back(account: Account) -> None:
    life = await a_life(account)
    subscription = await life.subscribe(await account.price())
    await life.client.v1.subscriptions.update_async(subscription.id, {"cancel_at_period_end": True})
    kept = await life.client.v1.subscriptions.update_async(subscription.id, {"cancel_at_period_end": False})
    assert (kept.cancel_at, kept.cancel_at_period_end, kept.canceled_at) == (None, False, None)
    await life.go_to(period(subscription)[1] + 2 * HOUR)
    assert (await life.again(subscription)).status == "active"


async def test_a_trial_ends_with_a_charge(account: Account) -> None:
    life = await a_life(account)
    subscription = await life.subscribe(await account.price(), trial_period_days=7)
    assert subscription.trial_end is not None
    await life.go_to(subscription.trial_end + 2 * HOUR)
    begun = await life.again(subscription)
    assert begun.status == "active"
    newest = (await life.invoices(subscription))[0]
    assert (newest.status, newest.amount_paid, newest.billing_reason) == ("paid", 2500, "subscription_cycle")


async def test_what_a_clock_let_happen_is_listed_with_the_clocks_time(account: Account) -> None:
    life = await a_life(account)
    subscription = await life.subscribe(await account.price())
    _, end = period(subscription)
    await life.go_to(end + 2 * HOUR)
    invoice = (await life.invoices(subscription))[0]
    assert abs(invoice.created - end) < DAY
    assert invoice.status_transitions.paid_at is not None
    assert invoice.status_transitions.paid_at >= end


async def test_customers_of_a_clock_are_listed_by_their_clock_only(account: Account) -> None:
    life = await a_life(account)
    customers = life.client.v1.customers
    assert (await customers.list_async({"email": account.email})).data == []
    theirs = await customers.list_async({"test_clock": life.clock.id})
    assert [row.id for row in theirs.data] == [life.customer.id]
    assert theirs.data[0].test_clock == life.clock.id
