"""A subscription's life by the clock: renewals, failures, grace, recovery and ends, and what is told of each."""

from datetime import timedelta

from s4_contracts.billing import (
    PaymentFailed,
    PaymentRecovered,
    ServiceSuspended,
    SubscriptionEnded,
    SubscriptionRenewed,
)
from support.billing_life import DAY, Life
from support.billing_service import Billing

MONTH = timedelta(days=32)


async def test_a_renewal_is_told_once_with_what_was_paid(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    first = await life.row()
    await life.go(MONTH)
    (renewed,) = await life.events(SubscriptionRenewed)
    row = await life.row()
    assert (renewed.amount, renewed.currency) == (2500, "usd")
    assert renewed.period_end == row.period_end
    assert first.period_end is not None
    assert renewed.period_end is not None
    assert renewed.period_end > first.period_end
    assert await life.told() == ["SignupPaid", "SubscriptionRenewed"]
    assert renewed.revision == row.revision > first.revision


async def test_a_card_that_fails_is_told_for_each_try_and_recovers_in_time(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    await life.card("insufficient_funds")
    await life.go(MONTH)
    row = await life.row()
    (failed,) = await life.events(PaymentFailed)
    assert (row.state, failed.attempt, failed.amount) == ("past_due", 1, 2500)
    assert failed.next_attempt_at == row.next_attempt_at
    assert failed.suspends_at == row.suspends_at == row.review_at
    await life.go(4 * DAY)
    assert [each.attempt for each in await life.events(PaymentFailed)] == [1, 2]
    await life.card("ok")
    await life.go(6 * DAY)
    (recovered,) = await life.events(PaymentRecovered)
    assert recovered.amount == 2500
    assert (await life.row()).state == "active"
    assert await life.told() == [
        "SignupPaid",
        "PaymentFailed",
        "PaymentFailed",
        "SubscriptionRenewed",
        "PaymentRecovered",
    ]


async def test_who_never_pays_is_suspended_when_the_grace_is_over_and_ended_by_stripe(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    await life.card("generic_decline")
    await life.go(MONTH)
    await life.go(13 * DAY)
    (suspended,) = await life.events(ServiceSuspended)
    assert suspended.reason == "unpaid"
    await life.go(5 * DAY)
    row = await life.row()
    (ended,) = await life.events(SubscriptionEnded)
    assert (row.state, ended.reason) == ("ended", "unpaid")
    assert ended.delete_after == row.delete_after
    assert row.ended_at is not None
    assert row.delete_after == row.ended_at + timedelta(days=30)
