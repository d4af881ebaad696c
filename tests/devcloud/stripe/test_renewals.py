import itertools
from datetime import UTC, datetime

import pytest

from devcloud.stripe.lives import DAY, HOUR, Life, period
from s4_devcloud.stripe.periods import boundary_after


def at(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, 12, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("anchor", "interval", "count", "moment", "boundary"),
    [
        (at(2026, 1, 31), "month", 1, at(2026, 2, 28), at(2026, 3, 31)),
        (at(2026, 1, 31), "month", 1, at(2026, 1, 31), at(2026, 2, 28)),
        (at(2026, 1, 31), "month", 3, at(2026, 4, 30), at(2026, 7, 31)),
        (at(2024, 2, 29), "year", 1, at(2027, 2, 28), at(2028, 2, 29)),
        (at(2026, 1, 1), "day", 10, at(2026, 3, 12), at(2026, 3, 22)),
        (at(2026, 1, 1), "week", 1, at(2026, 1, 1) + 1, at(2026, 1, 8)),
        (at(2026, 5, 1), "month", 1, at(2026, 1, 1), at(2026, 6, 1)),
    ],
)
def test_the_next_period_is_counted_from_the_anchor(
    anchor: int, interval: str, count: int, moment: int, boundary: int
) -> None:
    assert boundary_after(anchor, interval, count, moment) == boundary


async def test_a_renewal_is_a_draft_for_an_hour_and_then_paid(life: Life) -> None:
    subscription = await life.subscribe()
    _, end = period(subscription)

    await life.go_to(end)
    renewed = await life.again(subscription)
    assert period(renewed)[0] == end
    draft = await life.client.v1.invoices.retrieve_async(str(renewed.latest_invoice))
    assert (draft.status, draft.number, draft.billing_reason) == ("draft", None, "subscription_cycle")
    assert draft.automatically_finalizes_at == end + HOUR
    assert (draft.period_start, draft.period_end) == period(subscription)

    await life.go_to(end + HOUR)
    invoice = await life.client.v1.invoices.retrieve_async(draft.id, {"expand": ["payments"]})
    assert (invoice.status, invoice.amount_paid, invoice.attempt_count) == ("paid", 2500, 1)
    assert invoice.number is not None
    assert invoice.number.endswith("-0002")
    line = invoice.lines.data[0]
    assert (line.period.start, line.period.end) == period(renewed)
    assert invoice.payments is not None
    assert [payment.status for payment in invoice.payments.data] == ["paid"]


async def test_what_a_renewal_says(life: Life) -> None:
    subscription = await life.subscribe()
    _, end = period(subscription)
    await life.go_to(end + HOUR)
    said = await life.said(since=end)
    assert {event["type"] for event in said} == {
        *("invoice.created", "customer.subscription.updated", "payment_intent.created", "invoice.finalized"),
        *("charge.succeeded", "payment_intent.succeeded"),
        *("invoice.paid", "invoice.payment_succeeded", "invoice_payment.paid"),
    }
    assert [event["created"] for event in said if event["type"] == "invoice.created"] == [end]
    assert [event["created"] for event in said if event["type"] == "invoice.paid"] == [end + HOUR]
    updated = next(event for event in said if event["type"] == "customer.subscription.updated")
    assert set(updated["data"]["previous_attributes"]) == {"items", "latest_invoice"}


async def test_an_invoice_is_announced_three_days_ahead(life: Life) -> None:
    subscription = await life.subscribe()
    _, end = period(subscription)
    await life.go_to(end - 3 * DAY - 60)
    assert await life.said("invoice.upcoming") == []
    await life.go_to(end - 3 * DAY)
    announced = (await life.said("invoice.upcoming"))[0]["data"]["object"]
    await life.go_to(end + HOUR)
    invoice = (await life.invoices(subscription))[0]
    assert (announced["amount_due"], announced["created"]) == (invoice.amount_due, invoice.created)
    assert announced["lines"]["data"][0]["period"] == invoice.lines.data[0].period.to_dict()


async def test_a_year_is_twelve_paid_renewals(life: Life) -> None:
    subscription = await life.subscribe()
    await life.wait(366 * DAY)
    invoices = await life.invoices(subscription)
    assert [invoice.status for invoice in invoices] == ["paid"] * 13
    assert [invoice.number[-2:] for invoice in invoices if invoice.number] == [f"{n:02}" for n in range(13, 0, -1)]
    created = [invoice.created for invoice in invoices]
    assert created == sorted(created, reverse=True)
    assert len({datetime.fromtimestamp(moment, UTC).month for moment in created}) == 12


async def test_several_years_at_once_lose_nothing(life: Life) -> None:
    """What becomes due while time jumps is done at its own moment and in order."""
    subscription = await life.subscribe()
    await life.wait(3 * 366 * DAY)
    invoices = await life.invoices(subscription)
    assert len(invoices) == 37
    periods = [(invoice.lines.data[0].period.start, invoice.lines.data[0].period.end) for invoice in invoices]
    assert all(newer[0] == older[1] for newer, older in itertools.pairwise(periods))


async def test_what_is_scheduled_to_end_is_neither_announced_nor_renewed(life: Life) -> None:
    subscription = await life.subscribe()
    _, end = period(subscription)
    await life.client.v1.subscriptions.update_async(subscription.id, {"cancel_at_period_end": True})
    await life.go_to(end + HOUR)
    ended = await life.again(subscription)
    assert (ended.status, ended.ended_at) == ("canceled", end)
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.reason == "cancellation_requested"
    assert len(await life.invoices(subscription)) == 1
    assert await life.said("invoice.upcoming") == []


async def test_a_draft_of_a_subscription_that_ends_is_never_collected(life: Life) -> None:
    subscription = await life.subscribe()
    await life.go_to(period(subscription)[1] + 60)
    await life.client.v1.subscriptions.cancel_async(subscription.id)
    await life.wait(60 * DAY)
    draft = (await life.invoices(subscription))[0]
    assert (draft.status, draft.auto_advance, draft.automatically_finalizes_at) == ("draft", False, None)


async def test_a_card_that_asked_for_its_holder_once_renews_without(life: Life) -> None:
    subscription = await life.subscribe()
    await life.card("4242 4242 4242 4242", "authenticate")
    await life.go_to(period(subscription)[1] + HOUR)
    assert (await life.invoices(subscription))[0].status == "paid"
