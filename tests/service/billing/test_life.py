"""A subscription's life by the clock: renewals, failures, grace, recovery and ends, and what is told of each."""

from datetime import timedelta

import pytest

from s4_contracts.billing import (
    CancellationScheduled,
    PaymentFailed,
    PaymentRecovered,
    PlanChanged,
    ServiceSuspended,
    SubscriptionEnded,
    SubscriptionRenewed,
)
from s4_stripe.errors import StripeUnavailable
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


async def test_leaving_is_told_and_taken_back_and_in_the_end_done(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    path = f"/v1/subscriptions/{(await life.fact())['id']}"
    for wish in ("true", "false", "true"):
        await billing.double.call("POST", path, cancel_at_period_end=wish)
        await billing.quiet()
    row = await life.row()
    scheduled = await life.events(CancellationScheduled)
    assert [each.ends_at for each in scheduled] == [row.period_end, row.period_end]
    await life.go(MONTH)
    (ended,) = await life.events(SubscriptionEnded)
    assert (ended.reason, (await life.row()).ended_at) == ("cancelled", row.period_end)
    assert await life.told() == [
        "SignupPaid",
        "CancellationScheduled",
        "CancellationReverted",
        "CancellationScheduled",
        "SubscriptionEnded",
    ]


async def test_a_bank_that_wants_the_cardholder_is_told_apart(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    await life.card("always_authenticate")
    await life.go(MONTH)
    (failed,) = await life.events(PaymentFailed)
    assert failed.must_confirm
    assert (await life.row()).must_confirm


async def test_a_lower_plan_of_the_dashboard_holds_from_when_it_says(billing: Billing) -> None:
    life = await Life.subscribed(billing, plan="large")
    fact, row = await life.fact(), await life.row()
    assert row.period_end is not None
    (price,) = (await billing.double.call("GET", "/v1/prices?lookup_keys[]=s4-personal-monthly-1"))["data"]
    change = {
        "items[0][id]": fact["items"]["data"][0]["id"],
        "items[0][price]": price["id"],
        "proration_behavior": "none",
        "metadata[previous_plan]": "large",
        "metadata[previous_until]": str(int(row.period_end.timestamp())),
    }
    await billing.double.call("POST", f"/v1/subscriptions/{fact['id']}", **change)
    await billing.quiet()
    waiting = await life.row()
    assert (waiting.plan, waiting.pending_plan, waiting.review_at) == ("large", "personal", row.period_end)
    assert await life.events(PlanChanged) == []
    await life.go(MONTH)
    (changed,) = await life.events(PlanChanged)
    assert (changed.plan, changed.previous_plan, changed.quota_bytes) == ("personal", "large", 1000)


async def test_a_customer_who_is_deleted_at_stripe_has_left(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    (customer,) = await billing.double.objects("/v1/customers")
    await billing.double.call("DELETE", f"/v1/customers/{customer['id']}")
    await billing.quiet()
    row = await life.row()
    assert row.state == "ended"
    assert await life.told() == ["SignupPaid", "SubscriptionEnded"]
    assert len((await life.books()).invoices) == 1


async def test_an_ordinary_look_is_three_lists(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    before = len((await billing.double.journal())["requests"])
    await billing.service.sync.account(life.account)
    asked = (await billing.double.journal())["requests"][before:]
    assert sorted(each["path"] for each in asked) == ["/v1/charges", "/v1/invoices", "/v1/subscriptions"]


async def a_troubled_year(life: Life) -> None:
    """Two renewals, one that fails twice, a wish to leave that is taken back, a dispute."""
    await life.go(MONTH)
    await life.card("insufficient_funds")
    await life.go(MONTH)
    await life.go(4 * DAY)
    await life.card("ok")
    await life.go(6 * DAY)
    path = f"/v1/subscriptions/{(await life.fact())['id']}"
    await life.billing.double.call("POST", path, cancel_at_period_end="true")
    await life.settle()
    charge = (await life.billing.double.objects("/v1/charges"))[0]
    await life.billing.double.order("/disputes", charge=charge["id"], reason="product_not_received")
    await life.settle()
    await life.billing.double.call("POST", path, cancel_at_period_end="false")
    await life.settle()


@pytest.mark.parametrize("mode", ["normal", "duplicate", "shuffle", "drop"])
async def test_after_any_deliveries_our_state_is_what_stripe_says_now(billing: Billing, mode: str) -> None:
    life = await Life.subscribed(billing)
    await billing.double.webhooks(mode)
    await a_troubled_year(life)
    if mode == "drop":
        assert (await life.row()).disputed is False
        await billing.service.sync.account(life.account)
    assert await billing.service.sync.differences(life.account) == []
    row = await life.row()
    assert (row.state, row.cancel_at, row.disputed) == ("active", None, True)
    told = await life.told()
    assert told.count("SignupPaid") == 1
    assert told.count("SubscriptionRenewed") == 2
    assert told.count("DisputeOpened") == 1
    assert ("PaymentFailed" in told) == (mode != "drop")


async def test_what_was_held_and_comes_backwards_changes_nothing_any_more(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    await billing.double.webhooks("hold")
    billing.clock.ahead += MONTH
    await billing.double.advance(int(MONTH.total_seconds()))
    await billing.service.sync.account(life.account)
    before, told = await life.row(), await life.told()
    await billing.double.order("/webhooks/release", order="lifo")
    await billing.quiet()
    assert (await life.row(), await life.told()) == (before, told)


async def test_an_outage_in_the_middle_changes_nothing(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    before = await life.row()
    await billing.double.webhooks("hold")
    billing.clock.ahead += MONTH
    await billing.double.advance(int(MONTH.total_seconds()))
    for path in ("/v1/subscriptions", "/v1/invoices", "/v1/charges"):
        await billing.double.fault(f"GET {path}", "503", times=6)  # of a late look, too
        with pytest.raises(StripeUnavailable):
            await billing.service.sync.account(life.account)
    assert await life.row() == before
    await billing.double.order("/webhooks/release", order="random")
    await life.settle()
    assert await billing.service.sync.differences(life.account) == []
    assert await life.told() == ["SignupPaid", "SubscriptionRenewed"]
