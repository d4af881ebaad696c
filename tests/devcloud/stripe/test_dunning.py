import stripe

from devcloud.stripe.lives import ALWAYS_AUTHENTICATE, DAY, HOUR, Life, period
from devcloud.stripe.shop import GOOD


async def a_failed_renewal(life: Life, behaviour: str = "insufficient_funds") -> tuple[stripe.Subscription, int]:
    """A subscription whose card stopped working before its first renewal, and when that failed."""
    subscription = await life.subscribe()
    await life.card(GOOD, behaviour)
    moment = period(subscription)[1] + HOUR
    await life.go_to(moment)
    return subscription, moment


async def test_a_renewal_that_fails_leaves_a_past_due_subscription_and_an_open_invoice(life: Life) -> None:
    subscription, moment = await a_failed_renewal(life)
    assert (await life.again(subscription)).status == "past_due"
    invoice = (await life.invoices(subscription))[0]
    assert (invoice.status, invoice.attempt_count, invoice.attempted) == ("open", 1, True)
    assert (invoice.amount_due, invoice.amount_remaining, invoice.amount_paid) == (2500, 2500, 0)
    assert invoice.next_payment_attempt == moment + 3 * DAY
    assert (await life.client.v1.customers.retrieve_async(str(subscription.customer))).delinquent is True
    payment = (await life.client.v1.invoice_payments.list_async({"invoice": invoice.id})).data[0]
    assert (payment.status, payment.amount_paid) == ("open", None)
    intent = await life.client.v1.payment_intents.retrieve_async(str(payment.payment.payment_intent))
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.decline_code == "insufficient_funds"


async def test_what_a_failed_renewal_says(life: Life) -> None:
    _, moment = await a_failed_renewal(life)
    said = await life.said(since=moment)
    assert {event["type"] for event in said} == {
        *("invoice.finalized", "payment_intent.created", "charge.failed", "payment_intent.payment_failed"),
        *("invoice.payment_failed", "customer.subscription.updated", "customer.updated"),
    }
    updated = next(event for event in said if event["type"] == "customer.subscription.updated")
    assert updated["data"]["previous_attributes"] == {"status": "active"}


async def test_there_are_four_tries_and_then_no_subscription(life: Life) -> None:
    subscription, first = await a_failed_renewal(life)
    await life.wait(20 * DAY)
    failed = await life.said("invoice.payment_failed")
    assert [event["created"] for event in failed] == [first, first + 3 * DAY, first + 8 * DAY, first + 15 * DAY]
    assert [event["data"]["object"]["attempt_count"] for event in failed] == [1, 2, 3, 4]
    assert [event["data"]["object"]["next_payment_attempt"] for event in failed] == [
        *(first + 3 * DAY, first + 8 * DAY, first + 15 * DAY),
        None,
    ]
    ended = await life.again(subscription)
    assert (ended.status, ended.ended_at) == ("canceled", first + 15 * DAY)
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.reason == "payment_failed"
    assert len(await life.said("customer.subscription.deleted")) == 1


async def test_the_invoice_of_a_subscription_that_ended_unpaid_stays_open_and_is_not_tried_again(life: Life) -> None:
    subscription, _ = await a_failed_renewal(life)
    await life.wait(60 * DAY)
    invoices = await life.invoices(subscription)
    assert [(invoice.status, invoice.attempt_count) for invoice in invoices] == [("open", 4), ("paid", 1)]
    assert (invoices[0].auto_advance, invoices[0].next_payment_attempt) == (False, None)


async def test_a_later_try_that_works_makes_it_active_again(life: Life) -> None:
    subscription, moment = await a_failed_renewal(life)
    await life.card(GOOD, "ok")
    await life.go_to(moment + 3 * DAY)
    assert (await life.again(subscription)).status == "active"
    invoice = (await life.invoices(subscription))[0]
    assert (invoice.status, invoice.attempt_count, invoice.next_payment_attempt) == ("paid", 2, None)
    assert (await life.client.v1.customers.retrieve_async(str(subscription.customer))).delinquent is False
    said = await life.said("customer.subscription.updated", since=moment + 3 * DAY)
    assert [event["data"]["previous_attributes"] for event in said] == [{"status": "past_due"}]


async def test_one_intent_goes_through_all_tries_of_an_invoice(life: Life) -> None:
    subscription, moment = await a_failed_renewal(life)
    await life.go_to(moment + 3 * DAY)
    invoice = (await life.invoices(subscription))[0]
    payments = (await life.client.v1.invoice_payments.list_async({"invoice": invoice.id})).data
    assert len(payments) == 1
    intent = str(payments[0].payment.payment_intent)
    charges = (await life.client.v1.charges.list_async({"payment_intent": intent})).data
    assert [charge.status for charge in charges] == ["failed", "failed"]


async def test_a_card_that_always_asks_for_its_holder_needs_action_at_each_renewal(life: Life) -> None:
    subscription = await life.subscribe(ALWAYS_AUTHENTICATE)
    moment = period(subscription)[1] + HOUR
    await life.go_to(moment)
    assert (await life.again(subscription)).status == "past_due"
    invoice = (await life.invoices(subscription))[0]
    payment = (await life.client.v1.invoice_payments.list_async({"invoice": invoice.id})).data[0]
    intent = await life.client.v1.payment_intents.retrieve_async(str(payment.payment.payment_intent))
    assert (intent.status, intent.next_action is not None) == ("requires_action", True)
    types = {event["type"] for event in await life.said(since=moment)}
    assert {"invoice.payment_action_required", "payment_intent.requires_action", "invoice.payment_failed"} <= types


async def test_a_weekly_plan_goes_on_while_it_is_past_due(life: Life) -> None:
    """Stripe bills the next period of a past due subscription too."""
    product = await life.client.v1.products.create_async({"name": "Weekly"})
    price = await life.client.v1.prices.create_async(
        {"product": product.id, "currency": "usd", "unit_amount": 700, "recurring": {"interval": "week"}}
    )
    subscription = await life.subscribe(line_items=[{"price": price.id, "quantity": 1}])
    await life.card(GOOD, "generic_decline")
    await life.wait(16 * DAY)
    assert [invoice.status for invoice in await life.invoices(subscription)] == ["open", "open", "paid"]
    assert (await life.again(subscription)).status == "past_due"
