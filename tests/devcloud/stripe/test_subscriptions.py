import time
from datetime import UTC, datetime

import aiohttp
import pytest
import stripe

from devcloud.stripe.ends import Control
from devcloud.stripe.shop import a_customer, a_price, a_subscription
from s4_devcloud.stripe.periods import later


def at(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, 12, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("start", "interval", "count", "end"),
    [
        (at(2026, 1, 31), "month", 1, at(2026, 2, 28)),
        (at(2024, 2, 29), "year", 1, at(2025, 2, 28)),
        (at(2026, 12, 15), "month", 3, at(2027, 3, 15)),
        (at(2026, 11, 22), "week", 2, at(2026, 12, 6)),
        (at(2026, 11, 30), "day", 1, at(2026, 12, 1)),
    ],
)
def test_periods_follow_the_calendar(start: int, interval: str, count: int, end: int) -> None:
    assert later(start, interval, count) == end


async def test_a_subscription_has_the_shapes_of_the_present_version(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    subscription = await a_subscription(client, browser)
    item = subscription["items"].data[0]
    assert item.current_period_end > item.current_period_start
    assert "current_period_end" not in subscription
    assert subscription.billing_mode.type == "flexible"
    invoice = await client.v1.invoices.retrieve_async(str(subscription.latest_invoice), {"expand": ["payments"]})
    assert "payment_intent" not in invoice
    assert "subscription" not in invoice
    assert invoice.parent is not None
    assert invoice.parent.subscription_details is not None
    assert invoice.parent.subscription_details.subscription == subscription.id
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == ("paid", 2500, "subscription_create")
    assert invoice.payments is not None
    assert len(invoice.payments.data) == 1


async def test_what_paid_an_invoice_is_found_both_ways(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    subscription = await a_subscription(client, browser)
    invoice = str(subscription.latest_invoice)
    payment = (await client.v1.invoice_payments.list_async({"invoice": invoice})).data[0]
    intent = str(payment.payment.payment_intent)
    back = await client.v1.invoice_payments.list_async(
        {"payment": {"type": "payment_intent", "payment_intent": intent}}
    )
    assert [row.invoice for row in back.data] == [invoice]
    assert (await client.v1.invoice_payments.retrieve_async(payment.id)).status == "paid"
    charge = (await client.v1.charges.list_async({"payment_intent": intent, "limit": 1})).data[0]
    assert (await client.v1.charges.retrieve_async(charge.id)).amount == 2500
    method = await client.v1.payment_methods.retrieve_async(str(subscription.default_payment_method))
    assert method.card is not None
    assert (method.card.last4, method.customer) == ("4242", subscription.customer)
    assert (await client.v1.payment_intents.retrieve_async(intent)).status == "succeeded"


async def test_subscriptions_are_found_by_customer_price_and_status(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    subscription = await a_subscription(client, browser)
    customer = str(subscription.customer)
    price = subscription["items"].data[0].price.id
    other = await a_price(client, "other")
    assert len((await client.v1.subscriptions.list_async({"customer": customer, "price": price})).data) == 1
    assert (await client.v1.subscriptions.list_async({"price": other.id})).data == []
    nobody = await a_customer(client)
    assert (await client.v1.subscriptions.list_async({"customer": nobody.id})).data == []
    await client.v1.subscriptions.cancel_async(subscription.id)
    assert (await client.v1.subscriptions.list_async({"customer": customer})).data == []
    for status in ("all", "canceled", "ended"):
        assert len((await client.v1.subscriptions.list_async({"customer": customer, "status": status})).data) == 1
    invoices = await client.v1.invoices.list_async({"subscription": subscription.id, "status": "paid"})
    assert len(invoices.data) == 1


async def test_an_end_is_scheduled_and_taken_back(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    subscription = await a_subscription(client, browser)
    end = subscription["items"].data[0].current_period_end
    scheduled = await client.v1.subscriptions.update_async(
        subscription.id, {"cancel_at_period_end": True, "cancellation_details": {"feedback": "unused"}}
    )
    assert (scheduled.cancel_at_period_end, scheduled.cancel_at, scheduled.status) == (True, end, "active")
    assert scheduled.cancellation_details is not None
    assert scheduled.cancellation_details.feedback == "unused"
    kept = await client.v1.subscriptions.update_async(subscription.id, {"cancel_at_period_end": False})
    assert (kept.cancel_at_period_end, kept.cancel_at, kept.canceled_at) == (False, None, None)
    moment = int(time.time()) + 3600
    assert (await client.v1.subscriptions.update_async(subscription.id, {"cancel_at": moment})).cancel_at == moment
    assert (await client.v1.subscriptions.update_async(subscription.id, {"cancel_at": ""})).cancel_at is None
    told = await client.v1.events.list_async({"type": "customer.subscription.updated"})
    assert len(told.data) == 4


async def test_a_scheduled_end_comes_by_the_clock(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control
) -> None:
    subscription = await a_subscription(client, browser)
    await client.v1.subscriptions.update_async(subscription.id, {"cancel_at_period_end": True})
    await control.post("/clock/advance", seconds=32 * 24 * 3600)
    ended = await client.v1.subscriptions.retrieve_async(subscription.id)
    assert ended.status == "canceled"
    assert len((await client.v1.events.list_async({"type": "customer.subscription.deleted"})).data) == 1


async def test_an_end_in_the_past_and_two_ends_are_refused(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    subscription = await a_subscription(client, browser)
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.subscriptions.update_async(subscription.id, {"cancel_at": 1})
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.subscriptions.update_async(
            subscription.id, {"cancel_at": int(time.time()) + 60, "cancel_at_period_end": True}
        )


async def test_what_has_ended_cannot_be_canceled_or_changed(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    subscription = await a_subscription(client, browser)
    canceled = await client.v1.subscriptions.cancel_async(subscription.id)
    assert (canceled.status, canceled.ended_at is not None) == ("canceled", True)
    with pytest.raises(stripe.InvalidRequestError) as again:
        await client.v1.subscriptions.cancel_async(subscription.id)
    assert again.value.code == "resource_missing"
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.subscriptions.update_async(subscription.id, {"description": "x"})


async def test_metadata_and_description_change(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    subscription = await a_subscription(client, browser)
    changed = await client.v1.subscriptions.update_async(
        subscription.id,
        {
            "metadata": {"plan": "personal"},
            "description": "A grid",
            "default_payment_method": str(subscription.default_payment_method),
        },
    )
    assert (changed.metadata.to_dict(), changed.description) == ({"checkout_id": "c-1", "plan": "personal"}, "A grid")
