from typing import Any

import pytest
import stripe

from devcloud.stripe.lives import DAY, HOUR, Life, period
from devcloud.stripe.shop import a_price


def facts(invoice: stripe.Invoice) -> dict[str, Any]:
    """What a preview and the invoice that follows have in common."""
    names = ("amount_due", "total", "subtotal", "currency", "customer", "starting_balance")
    lines = [(line.amount, line.description, line.period.start, line.period.end) for line in invoice.lines.data]
    return {**{name: invoice[name] for name in names}, "lines": lines}


async def test_the_preview_of_a_renewal_is_the_renewal(life: Life) -> None:
    subscription = await life.subscribe()
    preview = await life.client.v1.invoices.create_preview_async({"subscription": subscription.id})
    assert (preview.status, preview.number, preview.billing_reason) == ("draft", None, "upcoming")
    await life.go_to(period(subscription)[1] + HOUR)
    assert facts((await life.invoices(subscription))[0]) == facts(preview)


@pytest.mark.parametrize("amount", [6000, 999, 2501])
async def test_the_preview_of_a_change_is_its_invoice_when_made_at_the_same_moment(life: Life, amount: int) -> None:
    subscription = await life.subscribe()
    other = await a_price(life.client, "family", amount)
    await life.wait(7 * DAY + 12345)
    moment = await life.now()
    change: Any = {
        "items": [{"id": subscription["items"].data[0].id, "price": other.id}],
        "proration_behavior": "always_invoice",
        "proration_date": moment,
    }
    preview = await life.client.v1.invoices.create_preview_async(
        {"subscription": subscription.id, "subscription_details": change}
    )
    await life.wait(1800)  # somebody thinks about it
    await life.client.v1.subscriptions.update_async(subscription.id, change)
    assert facts((await life.invoices(subscription))[0]) == facts(preview)


async def test_the_preview_of_a_change_that_waits_is_the_next_renewal(life: Life) -> None:
    subscription = await life.subscribe()
    other = await a_price(life.client, "family", 6000)
    await life.wait(7 * DAY)
    change: Any = {
        "items": [{"id": subscription["items"].data[0].id, "price": other.id}],
        "proration_date": await life.now(),
    }
    preview = await life.client.v1.invoices.create_preview_async(
        {"subscription": subscription.id, "subscription_details": change}
    )
    await life.client.v1.subscriptions.update_async(subscription.id, change)
    await life.go_to(period(subscription)[1] + HOUR)
    assert facts((await life.invoices(subscription))[0]) == facts(preview)


async def test_a_preview_changes_nothing(life: Life) -> None:
    subscription = await life.subscribe()
    other = await a_price(life.client, "family", 6000)
    before = await life.control.get("/state")
    preview = await life.client.v1.invoices.create_preview_async(
        {
            "subscription": subscription.id,
            "subscription_details": {"items": [{"id": subscription["items"].data[0].id, "price": other.id}]},
        }
    )
    assert (await life.control.get("/state"))["counts"] == before["counts"]
    assert (await life.again(subscription)).to_dict() == subscription.to_dict()
    with pytest.raises(stripe.InvalidRequestError):
        await life.client.v1.invoices.retrieve_async(str(preview.id))


async def test_there_is_no_preview_of_what_will_not_be(life: Life) -> None:
    subscription = await life.subscribe()
    await life.client.v1.subscriptions.update_async(subscription.id, {"cancel_at_period_end": True})
    with pytest.raises(stripe.InvalidRequestError) as none:
        await life.client.v1.invoices.create_preview_async({"subscription": subscription.id})
    assert none.value.code == "invoice_upcoming_none"
    await life.client.v1.subscriptions.cancel_async(subscription.id)
    with pytest.raises(stripe.InvalidRequestError) as ended:
        await life.client.v1.invoices.create_preview_async({"subscription": subscription.id})
    assert ended.value.code == "resource_missing"


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"subscription": "own", "customer": "cus_others"},
        {"subscription": "own", "preview_mode": "recurring"},
        {"subscription": "own", "subscription_details": {"trial_end": 5}},
        {
            "subscription": "own",
            "subscription_details": {"billing_cycle_anchor": {"type": "timestamp", "timestamp": 5}},
        },
        {"subscription": "own", "subscription_details": {"cancel_now": True}},
    ],
)
async def test_what_a_preview_cannot_show_is_refused(life: Life, params: dict[str, Any]) -> None:
    subscription = await life.subscribe()
    sent = {**params, **({"subscription": subscription.id} if "subscription" in params else {})}
    with pytest.raises(stripe.InvalidRequestError):
        await life.client.v1.invoices.create_preview_async(sent)  # type: ignore[arg-type]  # wrong on purpose
