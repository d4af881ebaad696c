"""Money that goes back: for a grid that could not be made, and what others decide at Stripe."""

import asyncio
from contextlib import suppress

import pytest
from prometheus_client import REGISTRY

from s4_billing import provisioning
from s4_billing.due import AFTER_TROUBLE
from s4_bus.testing import deliver
from s4_contracts.billing import RefundIssued, SubscriptionEnded
from s4_contracts.ids import AccountId, GridId, SignupId
from s4_contracts.provisioner import GridDeleted
from s4_runtime import new_id
from s4_stripe.errors import StripeUnavailable
from support.billing_life import DAY, Life, a_failure
from support.billing_service import Billing
from support.waiting import until


async def test_who_gets_no_grid_gets_the_money_back_and_owes_nothing_more(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    await deliver(billing.service.pool, provisioning.routes(), a_failure(life))
    await life.settle()
    (refund,) = await billing.double.objects("/v1/refunds")
    fact = await life.fact()
    assert (refund["amount"], refund["status"], fact["status"]) == (2500, "succeeded", "canceled")
    assert fact["metadata"]["s4_end_reason"] == "not-provided"
    (issued,), (ended,) = await life.events(RefundIssued), await life.events(SubscriptionEnded)
    assert (issued.reason, issued.amount, issued.currency) == ("not-provided", 2500, "usd")
    row = await life.row()
    assert (ended.reason, ended.delete_after) == ("not-provided", row.ended_at)
    (bill,) = (await life.books()).invoices.values()
    assert (bill.amount_paid, bill.amount_refunded) == (2500, 2500)


async def test_a_failure_that_is_told_twice_or_by_two_grids_pays_back_once(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    for told in (a_failure(life), a_failure(life)):
        await deliver(billing.service.pool, provisioning.routes(), told)
        await life.settle()
    assert len(await billing.double.objects("/v1/refunds")) == 1
    assert len(await life.events(RefundIssued)) == len(await life.events(SubscriptionEnded)) == 1


async def test_a_failure_that_is_tried_again_pays_nothing_back(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    await deliver(billing.service.pool, provisioning.routes(), a_failure(life, final=False))
    await life.settle()
    assert await billing.double.objects("/v1/refunds") == []
    assert (await life.row()).state == "active"


async def test_a_failure_while_stripe_is_silent_is_made_good_later(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    await billing.double.fault("*", "503", times=8)
    await deliver(billing.service.pool, provisioning.routes(), a_failure(life))
    await billing.service.due.round()
    before = await life.row()
    assert (before.state, before.review_at is not None) == ("active", True)
    with pytest.raises(StripeUnavailable):
        await billing.service.sync.account(life.account)
    await life.go(AFTER_TROUBLE)
    assert len(await life.events(RefundIssued)) == 1
    assert (await life.row()).end_reason == "not-provided"


async def test_all_that_was_paid_for_a_grid_that_never_came_goes_back(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    await life.go(32 * DAY)
    await deliver(billing.service.pool, provisioning.routes(), a_failure(life))
    await life.settle()
    assert sorted(each.amount for each in await life.events(RefundIssued)) == [2500, 2500]
    assert sum(row.amount_paid - row.amount_refunded for row in (await life.books()).invoices.values()) == 0


async def test_what_was_paid_back_already_is_not_paid_back_again(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    (charge,) = await billing.double.objects("/v1/charges")
    await billing.double.call("POST", "/v1/refunds", charge=charge["id"], amount="1000")
    await billing.quiet()
    await deliver(billing.service.pool, provisioning.routes(), a_failure(life))
    await life.settle()
    assert {(each.amount, each.reason) for each in await life.events(RefundIssued)} == {
        (1000, "other"),
        (1500, "not-provided"),
    }


async def test_a_refund_from_the_dashboard_is_told_once_and_ends_nothing(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    (charge,) = await billing.double.objects("/v1/charges")
    await billing.double.call("POST", "/v1/refunds", charge=charge["id"], amount="700")
    await billing.quiet()
    await billing.service.sync.account(life.account)
    (issued,) = await life.events(RefundIssued)
    assert (issued.amount, issued.reason, issued.subscription_id) == (700, "other", (await life.row()).id)
    assert (await life.row()).state == "active"


async def test_a_refund_that_waits_is_told_when_it_begins_and_its_failure_is_seen(billing: Billing) -> None:
    life = await Life.subscribed(billing, "4000000000007726")
    (charge,) = await billing.double.objects("/v1/charges")
    refund = await billing.double.call("POST", "/v1/refunds", charge=charge["id"])
    await billing.quiet()
    assert [row.state for row in (await life.books()).refunds.values()] == ["pending"]
    await billing.double.order("/refunds", refund=refund["id"], status="failed")
    await billing.quiet()
    (row,) = (await life.books()).refunds.values()
    (bill,) = (await life.books()).invoices.values()
    assert (row.state, bill.amount_refunded) == ("failed", 0)
    assert len(await life.events(RefundIssued)) == 1


async def test_a_grid_that_is_gone_is_on_record_since_when(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    gone = GridDeleted(
        occurred_at=life.now(),
        account_id=AccountId(life.account),
        signup_id=SignupId(life.signup),
        grid_id=GridId(new_id()),
        objects=7,
    )
    before = await life.row()
    for _ in range(2):
        await deliver(billing.service.pool, provisioning.routes(), gone)
    after = await life.row()
    assert (after.deleted_at, after.revision) == (gone.occurred_at, before.revision + 1)
    await billing.service.sync.account(life.account)
    assert (await life.row()).deleted_at == gone.occurred_at


async def test_a_failure_of_the_provisioner_wakes_the_loop_at_once(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    loop = asyncio.create_task(billing.service.due.forever())
    try:
        await deliver(billing.service.pool, provisioning.routes(), a_failure(life))
        await until(lambda: life.events(SubscriptionEnded), within=10, what="the subscription has ended")
    finally:
        loop.cancel()
        with suppress(asyncio.CancelledError):
            await loop


async def test_a_refund_that_does_not_arrive_is_counted(billing: Billing) -> None:
    life = await Life.subscribed(billing, "4000000000005126")
    before = REGISTRY.get_sample_value("billing_refunds_failed_total") or 0
    await deliver(billing.service.pool, provisioning.routes(), a_failure(life))
    await life.settle()
    (refund,) = await billing.double.objects("/v1/refunds")
    await billing.double.order("/refunds", refund=refund["id"], status="failed")
    await life.settle()
    assert REGISTRY.get_sample_value("billing_refunds_failed_total") == before + 1
    assert [row.state for row in (await life.books()).refunds.values()] == ["failed"]
