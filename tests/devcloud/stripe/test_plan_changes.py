from typing import Any

import pytest
import stripe

from devcloud.stripe.lives import ALWAYS_AUTHENTICATE, DAY, HOUR, Life, period
from devcloud.stripe.shop import GOOD, a_price
from s4_devcloud.stripe.billing.rounding import share


@pytest.mark.parametrize(
    ("amount", "part", "whole", "expected"),
    [(2500, 1, 2, 1250), (1, 1, 2, 1), (-1, 1, 2, -1), (100, 1, 3, 33), (200, 1, 3, 67), (0, 1, 3, 0), (7, 0, 9, 0)],
)
def test_a_share_is_rounded_half_away_from_zero(amount: int, part: int, whole: int, expected: int) -> None:
    assert share(amount, part, whole) == expected


async def a_change(life: Life, amount: int, *, days: int = 10) -> tuple[stripe.Subscription, str, str]:
    """A subscription some days into its first month, its item, and another price."""
    subscription = await life.subscribe()
    other = await a_price(life.client, "family", amount)
    await life.wait(days * DAY)
    return subscription, subscription["items"].data[0].id, other.id


def left(amount: int, moment: int, subscription: stripe.Subscription) -> int:
    start, end = period(subscription)
    return share(amount, end - moment, end - start)


async def test_an_upgrade_invoiced_at_once_costs_the_difference_to_the_second(life: Life) -> None:
    subscription, item, other = await a_change(life, 6000)
    changed = await life.client.v1.subscriptions.update_async(
        subscription.id, {"items": [{"id": item, "price": other}], "proration_behavior": "always_invoice"}
    )
    assert (changed["items"].data[0].price.id, changed.status) == (other, "active")
    assert period(changed) == period(subscription)
    invoice = (await life.invoices(subscription))[0]
    moment = invoice.created
    assert [line.amount for line in invoice.lines.data] == [
        -left(2500, moment, subscription),
        left(6000, moment, subscription),
    ]
    assert (invoice.status, invoice.billing_reason) == ("paid", "subscription_update")
    assert invoice.amount_paid == sum(line.amount for line in invoice.lines.data)
    assert changed.latest_invoice == invoice.id
    details = invoice.lines.data[0].parent
    assert details is not None
    assert details.subscription_item_details is not None
    assert details.subscription_item_details.proration is True
    credited = details.subscription_item_details.proration_details
    assert credited is not None
    assert credited.credited_items is not None
    assert credited.credited_items.invoice == subscription.latest_invoice


async def test_a_proration_date_fixes_the_amounts(life: Life) -> None:
    subscription, item, other = await a_change(life, 6000)
    half = sum(period(subscription)) // 2
    await life.client.v1.subscriptions.update_async(
        subscription.id,
        {"items": [{"id": item, "price": other}], "proration_behavior": "always_invoice", "proration_date": half},
    )
    assert (await life.invoices(subscription))[0].amount_paid == 1750
    with pytest.raises(stripe.InvalidRequestError) as outside:
        await life.client.v1.subscriptions.update_async(
            subscription.id, {"items": [{"id": item, "quantity": 2}], "proration_date": period(subscription)[1] + 1}
        )
    assert outside.value.param == "proration_date"


async def test_prorations_wait_for_the_next_invoice_by_default(life: Life) -> None:
    subscription, item, other = await a_change(life, 6000)
    await life.client.v1.subscriptions.update_async(subscription.id, {"items": [{"id": item, "price": other}]})
    assert len(await life.invoices(subscription)) == 1
    created = await life.said("invoiceitem.created")
    assert len(created) == 2
    await life.go_to(period(subscription)[1] + HOUR)
    invoice = (await life.invoices(subscription))[0]
    amounts = [line.amount for line in invoice.lines.data]
    assert amounts == [6000, *(event["data"]["object"]["amount"] for event in created)]
    assert invoice.amount_paid == sum(amounts)
    await life.go_to((await life.again(subscription))["items"].data[0].current_period_end + HOUR)
    assert [line.amount for line in (await life.invoices(subscription))[0].lines.data] == [6000]


async def test_without_prorations_the_next_period_just_has_the_new_price(life: Life) -> None:
    subscription, item, other = await a_change(life, 6000)
    await life.client.v1.subscriptions.update_async(
        subscription.id, {"items": [{"id": item, "price": other}], "proration_behavior": "none"}
    )
    await life.go_to(period(subscription)[1] + HOUR)
    invoice = (await life.invoices(subscription))[0]
    assert [line.amount for line in invoice.lines.data] == [6000]


async def test_a_downgrade_leaves_a_credit_that_later_invoices_use_up(life: Life) -> None:
    subscription, item, other = await a_change(life, 500, days=1)
    await life.client.v1.subscriptions.update_async(
        subscription.id, {"items": [{"id": item, "price": other}], "proration_behavior": "always_invoice"}
    )
    credit = (await life.invoices(subscription))[0]
    assert (credit.status, credit.amount_due, credit.total < 0) == ("paid", 0, True)
    customer = await life.client.v1.customers.retrieve_async(str(subscription.customer))
    assert customer.balance == credit.total == credit.ending_balance
    await life.go_to(period(subscription)[1] + HOUR)
    renewal = (await life.invoices(subscription))[0]
    assert (renewal.total, renewal.amount_due, renewal.status) == (500, 0, "paid")
    assert (renewal.starting_balance, renewal.ending_balance) == (credit.total, credit.total + 500)


async def test_another_interval_begins_a_new_period_and_charges_it_at_once(life: Life) -> None:
    subscription = await life.subscribe()
    product = await life.client.v1.products.create_async({"name": "Yearly"})
    year = await life.client.v1.prices.create_async(
        {"product": product.id, "currency": "usd", "unit_amount": 25000, "recurring": {"interval": "year"}}
    )
    await life.wait(10 * DAY)
    item = subscription["items"].data[0].id
    changed = await life.client.v1.subscriptions.update_async(
        subscription.id, {"items": [{"id": item, "price": year.id}]}
    )
    invoice = (await life.invoices(subscription))[0]
    assert changed.billing_cycle_anchor == invoice.created == period(changed)[0]
    assert [line.amount for line in invoice.lines.data] == [-left(2500, invoice.created, subscription), 25000]
    assert invoice.status == "paid"
    await life.wait(40 * DAY)
    assert len(await life.invoices(subscription)) == 2


async def test_a_change_that_is_not_paid_makes_it_past_due(life: Life) -> None:
    subscription, item, other = await a_change(life, 6000)
    await life.card(GOOD, "generic_decline")
    changed = await life.client.v1.subscriptions.update_async(
        subscription.id, {"items": [{"id": item, "price": other}], "proration_behavior": "always_invoice"}
    )
    assert (changed.status, changed["items"].data[0].price.id) == ("past_due", other)
    invoice = (await life.invoices(subscription))[0]
    assert (invoice.status, invoice.next_payment_attempt is not None) == ("open", True)


async def test_a_change_that_must_be_paid_and_is_not_changes_nothing(life: Life) -> None:
    subscription, item, other = await a_change(life, 6000)
    await life.card(GOOD, "insufficient_funds")
    with pytest.raises(stripe.CardError) as declined:
        await life.client.v1.subscriptions.update_async(
            subscription.id,
            {
                "items": [{"id": item, "price": other}],
                "proration_behavior": "always_invoice",
                "payment_behavior": "error_if_incomplete",
            },
        )
    assert declined.value.code == "card_declined"
    assert declined.value.error is not None
    assert declined.value.error.decline_code == "insufficient_funds"
    same = await life.again(subscription)
    assert (same.status, same["items"].data[0].price.id) == ("active", subscription["items"].data[0].price.id)
    assert len(await life.invoices(subscription)) == 1


async def a_pending_change(life: Life, behaviour: str = "generic_decline") -> tuple[stripe.Subscription, str]:
    subscription, item, other = await a_change(life, 6000)
    await life.card(GOOD, behaviour)
    changed = await life.client.v1.subscriptions.update_async(
        subscription.id,
        {
            "items": [{"id": item, "price": other}],
            "proration_behavior": "always_invoice",
            "payment_behavior": "pending_if_incomplete",
        },
    )
    return changed, other


async def test_a_change_that_waits_for_its_payment_is_pending_for_23_hours(life: Life) -> None:
    changed, other = await a_pending_change(life)
    assert (changed.status, changed["items"].data[0].price.id != other) == ("active", True)
    assert changed.pending_update is not None
    assert changed.pending_update.expires_at == pytest.approx(await life.now() + 23 * HOUR, abs=5)
    assert changed.pending_update.subscription_items is not None
    assert changed.pending_update.subscription_items[0].price.id == other
    await life.wait(23 * HOUR)
    same = await life.again(changed)
    assert (same.pending_update, same.status) == (None, "active")
    assert same["items"].data[0].price.id != other
    invoice = (await life.invoices(changed))[0]
    assert (invoice.status, invoice.attempt_count) == ("void", 1)
    assert len(await life.said("customer.subscription.pending_update_expired")) == 1


async def test_a_pending_change_applies_when_its_invoice_is_paid(life: Life) -> None:
    changed, other = await a_pending_change(life)
    await life.card(GOOD, "ok")
    await life.client.v1.invoices.pay_async(str(changed.latest_invoice))
    applied = await life.again(changed)
    assert (applied["items"].data[0].price.id, applied.pending_update) == (other, None)
    assert len(await life.said("customer.subscription.pending_update_applied")) == 1


async def test_a_change_that_is_paid_at_once_never_pends(life: Life) -> None:
    changed, other = await a_pending_change(life, "ok")
    assert (changed["items"].data[0].price.id, changed.pending_update) == (other, None)
    assert await life.said("customer.subscription.pending_update_applied") == []


async def test_voiding_its_invoice_forgets_a_pending_change(life: Life) -> None:
    changed, other = await a_pending_change(life)
    await life.client.v1.invoices.void_invoice_async(str(changed.latest_invoice))
    same = await life.again(changed)
    assert (same.pending_update, same["items"].data[0].price.id != other) == (None, True)


async def test_a_new_change_takes_the_place_of_one_that_pends(life: Life) -> None:
    changed, _ = await a_pending_change(life)
    await life.card(GOOD, "ok")
    third = await a_price(life.client, "third", 7000)
    item = changed["items"].data[0].id
    await life.client.v1.subscriptions.update_async(
        changed.id, {"items": [{"id": item, "price": third.id}], "proration_behavior": "always_invoice"}
    )
    assert [invoice.status for invoice in await life.invoices(changed)] == ["paid", "void", "paid"]
    assert (await life.again(changed)).pending_update is None


async def test_the_end_of_a_subscription_ends_a_pending_change_too(life: Life) -> None:
    changed, _ = await a_pending_change(life)
    await life.card(GOOD, "ok")
    await life.client.v1.subscriptions.cancel_async(changed.id, {"invoice_now": True, "prorate": True})
    ended = await life.again(changed)
    assert (ended.status, ended.pending_update) == ("canceled", None)
    assert [invoice.status for invoice in await life.invoices(changed)] == ["paid", "void", "paid"]


async def test_a_void_invoice_gives_the_balance_back_that_it_used(life: Life) -> None:
    subscription, item, other = await a_change(life, 2000, days=1)
    change: Any = {"items": [{"id": item, "price": other}], "proration_behavior": "always_invoice"}
    await life.client.v1.subscriptions.update_async(subscription.id, change)
    customer = await life.client.v1.customers.retrieve_async(str(subscription.customer))
    assert (customer.balance or 0) < 0
    await life.card(GOOD, "generic_decline")
    await life.go_to(period(subscription)[1] + HOUR)
    used = (await life.invoices(subscription))[0]
    assert (used.status, used.ending_balance, used.amount_due) == ("open", 0, 2000 + (customer.balance or 0))
    await life.client.v1.invoices.void_invoice_async(str(used.id))
    after = await life.client.v1.customers.retrieve_async(str(subscription.customer))
    assert after.balance == customer.balance


async def test_an_update_that_changes_nothing_says_nothing(life: Life) -> None:
    subscription = await life.subscribe()
    await life.client.v1.subscriptions.update_async(subscription.id, {"metadata": {"checkout_id": "c-1"}})
    await life.client.v1.subscriptions.update_async(subscription.id, {"billing_cycle_anchor": {"type": "unchanged"}})
    assert await life.said("customer.subscription.updated") == []


async def test_billing_can_begin_anew_today(life: Life) -> None:
    subscription = await life.subscribe()
    await life.wait(10 * DAY)
    changed = await life.client.v1.subscriptions.update_async(
        subscription.id, {"billing_cycle_anchor": {"type": "now"}, "proration_behavior": "always_invoice"}
    )
    invoice = (await life.invoices(subscription))[0]
    assert changed.billing_cycle_anchor == period(changed)[0] == invoice.created
    assert [line.amount for line in invoice.lines.data] == [-left(2500, invoice.created, subscription), 2500]


async def test_a_pending_change_takes_no_other_parameters(life: Life) -> None:
    subscription = await life.subscribe()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await life.client.v1.subscriptions.update_async(
            subscription.id, {"payment_behavior": "pending_if_incomplete", "metadata": {"a": "b"}}
        )
    assert refused.value.param == "metadata"


async def test_a_change_may_need_the_cardholder(life: Life) -> None:
    subscription = await life.subscribe(ALWAYS_AUTHENTICATE)
    other = await a_price(life.client, "family", 6000)
    change: stripe.params.SubscriptionUpdateParams = {
        "items": [{"id": subscription["items"].data[0].id, "price": other.id}],
        "proration_behavior": "always_invoice",
        "payment_behavior": "error_if_incomplete",
    }
    with pytest.raises(stripe.CardError) as asked:
        await life.client.v1.subscriptions.update_async(subscription.id, change)
    assert asked.value.code == "subscription_payment_intent_requires_action"
    pending = await life.client.v1.subscriptions.update_async(
        subscription.id, {**change, "payment_behavior": "pending_if_incomplete"}
    )
    assert pending.pending_update is not None


async def test_in_a_trial_a_change_costs_nothing_until_it_ends(life: Life) -> None:
    subscription = await life.subscribe(subscription_data={"trial_period_days": 14})
    other = await a_price(life.client, "family", 6000)
    changed = await life.client.v1.subscriptions.update_async(
        subscription.id,
        {
            "items": [{"id": subscription["items"].data[0].id, "price": other.id}],
            "proration_behavior": "always_invoice",
        },
    )
    assert (changed.status, len(await life.invoices(subscription))) == ("trialing", 1)
    await life.go_to(period(subscription)[1] + HOUR)
    assert (await life.invoices(subscription))[0].amount_paid == 6000


async def test_a_trial_can_be_ended_at_once(life: Life) -> None:
    subscription = await life.subscribe(subscription_data={"trial_period_days": 14})
    await life.wait(3 * DAY)
    active = await life.client.v1.subscriptions.update_async(subscription.id, {"trial_end": "now"})
    invoice = (await life.invoices(subscription))[0]
    assert (active.status, active.trial_end) == ("active", invoice.created)
    assert (invoice.status, invoice.amount_paid) == ("paid", 2500)
    assert period(active)[0] == invoice.created


async def test_quantities_and_further_items_are_prorated_too(life: Life) -> None:
    subscription, item, other = await a_change(life, 1000)
    half = sum(period(subscription)) // 2
    changed = await life.client.v1.subscriptions.update_async(
        subscription.id,
        {
            "items": [{"id": item, "quantity": 3}, {"price": other, "quantity": 2}],
            "proration_behavior": "always_invoice",
            "proration_date": half,
        },
    )
    assert [line.amount for line in (await life.invoices(subscription))[0].lines.data] == [-1250, 3750, 1000]
    added = changed["items"].data[1].id
    await life.client.v1.subscriptions.update_async(
        subscription.id,
        {"items": [{"id": added, "deleted": True}], "proration_behavior": "always_invoice", "proration_date": half},
    )
    assert (await life.invoices(subscription))[0].total == -1000


@pytest.mark.parametrize(
    "items",
    [
        [{"id": "si_nobodys", "price": "p"}],
        [{"price": "price_nobodys"}],
        [{"quantity": 2}],
        [{"id": "own", "deleted": True}],
        [{"price": "own"}],
    ],
)
async def test_items_that_cannot_be_are_refused(life: Life, items: list[dict[str, Any]]) -> None:
    subscription = await life.subscribe()
    own = subscription["items"].data[0]
    names = {"id": own.id, "price": own.price.id}
    sent: Any = [{key: names[key] if value == "own" else value for key, value in item.items()} for item in items]
    with pytest.raises(stripe.InvalidRequestError):
        await life.client.v1.subscriptions.update_async(subscription.id, {"items": sent})


async def test_an_immediate_end_can_give_back_what_is_left(life: Life) -> None:
    subscription = await life.subscribe()
    await life.wait(10 * DAY)
    await life.client.v1.subscriptions.cancel_async(subscription.id, {"invoice_now": True, "prorate": True})
    final = (await life.invoices(subscription))[0]
    assert (final.status, final.total) == ("paid", -left(2500, final.created, subscription))
    assert (await life.client.v1.customers.retrieve_async(str(subscription.customer))).balance == final.total
    assert (await life.again(subscription)).status == "canceled"


@pytest.mark.parametrize(
    ("behavior", "status"), [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")]
)
async def test_paused_collection_renews_without_charging(life: Life, behavior: str, status: str) -> None:
    subscription = await life.subscribe()
    _, end = period(subscription)
    await life.client.v1.subscriptions.update_async(
        subscription.id,
        {"pause_collection": {"behavior": behavior, "resumes_at": end + 10 * DAY}},
    )
    await life.go_to(end + HOUR)
    assert (await life.invoices(subscription))[0].status == status
    assert (await life.again(subscription)).status == "active"
    await life.go_to(end + 10 * DAY)
    assert (await life.again(subscription)).pause_collection is None
    await life.wait(30 * DAY)
    assert (await life.invoices(subscription))[0].status == "paid"
