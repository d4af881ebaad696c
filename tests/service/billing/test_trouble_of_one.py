"""What cannot be asked of Stripe, or is failing, ends nobody's subscription and holds nobody else up."""

from datetime import timedelta

import pytest

from s4_billing.commands import Intent
from s4_billing.reconcile import runs
from s4_billing.refunds import KIND as REFUND
from s4_runtime import new_id
from s4_stripe.errors import StripeUnavailable
from support.billing_life import Life
from support.billing_service import Billing
from support.subscriber import Subscriber


async def unknown_to_stripe(life: Life) -> None:
    """The account's customer is one of which Stripe, asked with our key, has never heard."""
    sql = "update billing_customer set stripe_customer_id = 'cus_elsewhere' where account_id = $1"
    await life.billing.service.pool.execute(sql, life.account)


async def test_a_key_of_another_account_at_stripe_ends_no_subscription(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    await unknown_to_stripe(life)
    with pytest.raises(StripeUnavailable):
        await billing.service.sync.account(life.account)
    assert (await life.row()).state == "active"
    assert await life.told() == ["SignupPaid"]


async def test_the_nightly_look_goes_on_after_an_account_that_cannot_be_looked_at(billing: Billing) -> None:
    lost, left = await Life.subscribed(billing), await Life.subscribed(billing)
    await billing.double.webhooks("drop")
    for life in (lost, left):
        name = (await life.row()).stripe_subscription_id
        await billing.double.call("DELETE", f"/v1/subscriptions/{name}")
    await unknown_to_stripe(lost)
    report = await billing.service.everything.look(apply=True)
    found = {each.account_id: (each.kind, each.applied) for each in report.drift}
    assert found == {lost.account: ("unclear", False), left.account: ("differs", True)}
    assert (await left.row()).state == "ended"


async def test_a_plan_that_nobody_told_of_is_drift(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    await billing.double.webhooks("drop")
    fact = await life.fact()
    prices = await billing.double.objects("/v1/prices")
    large = next(price["id"] for price in prices if price["lookup_key"] == "s4-large-monthly-1")
    change = {"items[0][id]": fact["items"]["data"][0]["id"], "items[0][price]": large, "proration_behavior": "none"}
    await billing.double.call("POST", f"/v1/subscriptions/{fact['id']}", **change)
    (found,) = (await billing.service.everything.look(apply=False)).drift
    assert "plan=personal" in found.ours
    assert "plan=large" in found.theirs


async def test_a_look_that_was_cut_off_is_taken_again_before_the_next_night(billing: Billing) -> None:
    pool, day, began = billing.service.pool, timedelta(days=1), billing.clock.now()
    run = await runs.begin(pool, "nightly", day, began)
    assert run is not None
    assert await runs.begin(pool, "nightly", day, began + timedelta(minutes=50)) is None
    again = await runs.begin(pool, "nightly", day, began + timedelta(minutes=70))
    assert again is not None
    await runs.finish(pool, again, began + timedelta(minutes=75))
    assert await runs.begin(pool, "nightly", day, began + timedelta(hours=20)) is None


async def test_who_cannot_be_looked_at_makes_room_for_who_is_due_as_well(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    await unknown_to_stripe(life)
    now = billing.clock.now()
    await billing.service.pool.execute("update subscription set review_at = $1", now - timedelta(days=9))
    assert await billing.service.due.round() == 0
    assert ((await life.row()).review_at or now) > now


async def test_money_that_cannot_go_back_today_keeps_nobody_from_leaving(billing: Billing) -> None:
    buyer = await Subscriber.of(billing)
    params = {"charge": "ch_1", "amount": 1, "metadata": {"refund_id": new_id()}}
    async with billing.service.pool.transaction() as tx:
        await billing.service.commands.write(tx, Intent("refund:stuck", REFUND, buyer.id, params))
    await billing.double.fault("POST /v1/refunds", "503", times=40)
    assert (await buyer.ask("/cancel", when="period_end"))["cancel_at"] is not None
