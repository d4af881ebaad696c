"""Disputes and warnings of fraud: what is contested is frozen, and fraud is not served meanwhile."""

from typing import Any

import pytest

from s4_contracts.billing import DisputeClosed, DisputeOpened, ServiceResumed, ServiceSuspended
from support.billing_life import Life
from support.billing_service import Billing


async def dispute(billing: Billing, reason: str, *, inquiry: bool = False) -> dict[str, Any]:
    """The cardholder contests the newest charge."""
    charge = (await billing.double.objects("/v1/charges"))[0]
    made = await billing.double.order("/disputes", charge=charge["id"], reason=reason, inquiry=inquiry)
    await billing.quiet()
    return made


@pytest.mark.parametrize("verdict", ["won", "lost"])
async def test_a_dispute_freezes_until_it_is_decided_and_service_goes_on(billing: Billing, verdict: str) -> None:
    life = await Life.subscribed(billing)
    made = await dispute(billing, "product_not_received")
    row = await life.row()
    assert (row.state, row.disputed) == ("active", True)
    assert [each.kind for each in await life.events(DisputeOpened)] == ["dispute"]
    await billing.double.order("/disputes/close", dispute=made["id"], status=verdict)
    await billing.quiet()
    assert await life.told() == ["SignupPaid", "DisputeOpened", "DisputeClosed"]
    (kept,) = (await life.books()).disputes.values()
    assert (kept.status, kept.is_open, (await life.row()).disputed) == (verdict, False, False)


async def test_a_dispute_for_fraud_suspends_until_it_is_decided(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    made = await dispute(billing, "fraudulent")
    row = await life.row()
    assert (row.state, row.suspended_for, row.disputed) == ("suspended", "disputed", True)
    assert [each.reason for each in await life.events(ServiceSuspended)] == ["disputed"]
    await billing.double.order("/disputes/close", dispute=made["id"], status="won")
    await billing.quiet()
    assert (await life.row()).state == "active"
    (closed,), (resumed,) = await life.events(DisputeClosed), await life.events(ServiceResumed)
    assert closed.revision == resumed.revision


async def test_a_card_of_a_fraudster_is_disputed_at_once(billing: Billing) -> None:
    life = await Life.subscribed(billing, "4000000000000259")
    assert (await life.row()).state == "suspended"
    told = await life.told()
    assert told[0] == "SignupPaid"
    assert sorted(told[1:]) == ["DisputeOpened", "ServiceSuspended"]


async def test_a_warning_freezes_until_nothing_can_be_done_about_it(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    (charge,) = await billing.double.objects("/v1/charges")
    await billing.double.order("/fraud-warnings", charge=charge["id"])
    await billing.quiet()
    row = await life.row()
    assert (row.state, row.disputed) == ("active", True)
    assert [each.kind for each in await life.events(DisputeOpened)] == ["fraud-warning"]
    await billing.double.call("POST", "/v1/refunds", charge=charge["id"])
    await billing.quiet()
    assert not (await life.row()).disputed
    assert len(await life.events(DisputeClosed)) == 1


async def test_a_warning_that_nobody_delivered_is_found_by_reconciliation(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    await billing.double.webhooks("drop")
    (charge,) = await billing.double.objects("/v1/charges")
    await billing.double.order("/fraud-warnings", charge=charge["id"])
    await billing.service.reconciler.turn()
    await billing.quiet()
    assert (await life.row()).disputed


@pytest.mark.parametrize(("verdict", "back"), [("lost", []), ("won", [2500])])
async def test_what_is_disputed_is_not_refunded_as_well(billing: Billing, verdict: str, back: list[int]) -> None:
    life = await Life.subscribed(billing)
    made = await dispute(billing, "fraudulent")
    await billing.service.pool.execute(
        "insert into provisioning_failure (grid_id, step, code, account_id, checkout_id, final, occurred_at)"
        " values (gen_random_uuid(), 'host', 'no-capacity', $1, $2, true, now())",
        life.account,
        life.signup,
    )
    await billing.service.sync.account(life.account)
    await life.settle()
    row = await life.row()
    assert (row.state, row.end_reason, row.disputed) == ("ended", "not-provided", True)
    assert await billing.double.objects("/v1/refunds") == []
    await billing.double.order("/disputes/close", dispute=made["id"], status=verdict)
    await life.settle()
    assert not (await life.row()).disputed
    assert [each["amount"] for each in await billing.double.objects("/v1/refunds")] == back
