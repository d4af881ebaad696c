"""Money that goes back."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from s4_billing import money
from s4_billing.commands import Commands, Deed, Intent
from s4_billing.follow_money import REASON, REFUND_ID
from s4_billing.insisting import insisted
from s4_billing.money import RefundRow
from s4_runtime import Clock, Permanent
from s4_store import Transaction
from s4_stripe.api import StripeApi
from s4_stripe.facts import Refund

KIND = "refund.create"

# What Stripe has a word for (docs.stripe.com/api/refunds/create, reason).
_REASONS: Mapping[str, str] = MappingProxyType({"duplicate": "duplicate", "goodwill": "requested_by_customer"})


def intent(account_id: str, row: RefundRow) -> Intent:
    """The command that sends the money; once for each refund. Raises Permanent if no charge is known."""
    if row.stripe_charge_id is None:
        raise Permanent("nothing-to-refund", refund=row.id)
    params: dict[str, object] = {
        "charge": row.stripe_charge_id,
        "amount": row.amount,
        "metadata": {REFUND_ID: row.id, REASON: row.reason, "account_id": account_id},
    }
    if row.reason in _REASONS:
        params["reason"] = _REASONS[row.reason]
    return Intent(f"refund:{row.id}", KIND, account_id, params)


async def want(tx: Transaction, commands: Commands, account_id: str, row: RefundRow, clock: Clock) -> str:
    """The refund is wanted and its command written; the command's key, to be performed outside of ``tx``.

    Raises Permanent if money was sent under this id before; nothing is to be kept of ``tx`` then.
    """
    wish = intent(account_id, row)
    await money.put_refunds(tx, account_id, [row], clock.now())
    if not await commands.write(tx, wish):
        raise Permanent("refund-known", refund=row.id)
    return wish.key


def deed(api: StripeApi) -> Deed:
    """How refunds are made."""

    async def look(params: Mapping[str, Any]) -> Refund | None:
        found = await api.refunds_of(params["charge"])
        return next((each for each in found if each.metadata == params["metadata"]), None)

    async def send(params: Mapping[str, Any], key: str) -> Refund:
        return await insisted(key, partial(api.create_refund, params), partial(look, params))

    async def find(intent: Intent) -> Refund | None:
        return await look(intent.params)

    async def record(tx: Transaction, intent: Intent, made: str) -> None:
        sql = "update refund set stripe_refund_id = $2 where id = $1 and stripe_refund_id is null"
        await tx.execute(sql, intent.params["metadata"][REFUND_ID], made)

    return Deed(send, find, record)


async def refused(tx: Transaction, account_id: str) -> frozenset[str]:
    """The refunds that Stripe did not take."""
    sql = (
        "select refund.id from refund join stripe_command on idempotency_key = 'refund:' || refund.id"
        " where refund.account_id = $1 and refund.state = 'wanted' and stripe_command.state = 'failed'"
    )
    return frozenset(row["id"] for row in await tx.fetch(sql, account_id))
