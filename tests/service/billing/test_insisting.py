"""What billing does by itself is done in the end, also when Stripe fails at it and keeps that answer for the key."""

import pytest

from s4_billing.commands import Intent
from s4_billing.refunds import KIND as REFUND
from s4_contracts.billing import RefundIssued
from s4_runtime import Temporary, new_id
from support.billing_life import Life
from support.billing_service import Billing

# What takes long and has a quick form elsewhere.
pytestmark = pytest.mark.long

CANCEL = "subscription.cancel"


async def intent_of(life: Life, kind: str) -> Intent:
    """The end, or half the money back."""
    row, (bill,) = await life.row(), (await life.books()).invoices.values()
    params: dict[str, object] = {"subscription": row.stripe_subscription_id, "reason": "other"}
    if kind == REFUND:
        metadata = {"refund_id": new_id(), "s4_reason": "other", "account_id": life.account}
        params = {"charge": bill.stripe_charge_id, "amount": 1250, "metadata": metadata}
    return Intent(f"test:{kind}", kind, life.account, params)


@pytest.mark.parametrize(("kind", "call"), [(REFUND, "POST /v1/refunds"), (CANCEL, "POST /v1/subscriptions/*")])
async def test_stripes_own_failure_is_tried_again_with_another_key(billing: Billing, kind: str, call: str) -> None:
    life = await Life.subscribed(billing)
    intent = await intent_of(life, kind)
    async with billing.service.pool.transaction() as tx:
        await billing.service.commands.write(tx, intent)
    await billing.double.fault(call, "500", times=2)
    await billing.service.commands.perform(intent.key)
    await billing.quiet()
    if kind == REFUND:
        assert [each.amount for each in await life.events(RefundIssued)] == [1250]
        assert await billing.calls("POST", "/v1/refunds") == 1
    else:
        assert (await life.row()).state == "ended"


async def test_when_stripe_fails_for_long_the_command_waits_for_another_day(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    intent = await intent_of(life, REFUND)
    async with billing.service.pool.transaction() as tx:
        await billing.service.commands.write(tx, intent)
    await billing.double.fault("POST /v1/refunds", "500", times=8)
    with pytest.raises(Temporary):
        await billing.service.commands.perform(intent.key)
    with pytest.raises(Temporary):
        await billing.service.commands.perform(intent.key)
    await billing.double.advance(25 * 3600)
    await billing.service.commands.perform(intent.key)
    await billing.quiet()
    assert [each.amount for each in await life.events(RefundIssued)] == [1250]
