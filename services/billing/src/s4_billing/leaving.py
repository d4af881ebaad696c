"""Leaving, at once or when what is paid for is over, and staying after all."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from s4_billing import cancelling, deeds
from s4_billing.asking import RequestId
from s4_billing.clerk import Clerk
from s4_billing.commands import Intent
from s4_billing.errors import NotNow


class Cancel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When the subscription shall end."""

    when: Literal["period_end", "now"]
    request_id: RequestId


class Again(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One click."""

    request_id: RequestId


async def cancel(clerk: Clerk, account_id: str, wish: Cancel) -> Mapping[str, Any]:
    """The subscription ends as wished. Raises NoSuchAccount, NotNow."""
    key = f"cancel:{account_id}:{wish.when}:{wish.request_id}"
    if not await clerk.was_given(account_id, key):
        held = await clerk.held(account_id)
        fact = await clerk.fact(account_id, held)
        if wish.when == "now":
            params: Mapping[str, Any] = {"subscription": fact.id, "reason": "cancelled"}
            await _give(clerk, Intent(key, cancelling.KIND, account_id, params))
        elif not deeds.is_scheduled(fact):
            params = {"subscription": fact.id, "change": {"cancel_at_period_end": True}}
            await _give(clerk, Intent(key, deeds.SCHEDULE_END, account_id, params))
    return await clerk.carry_out(account_id, key)


async def resume(clerk: Clerk, account_id: str, wish: Again) -> Mapping[str, Any]:
    """The subscription goes on. Raises NoSuchAccount, NotNow."""
    key = f"keep:{account_id}:{wish.request_id}"
    if not await clerk.was_given(account_id, key):
        held = await clerk.held(account_id)
        fact = await clerk.fact(account_id, held)
        if not deeds.is_scheduled(fact):
            await clerk.synced(account_id)
            raise NotNow("not-cancelled")
        # Stripe refuses both fields in one call; the portal sets the second only.
        change = {"cancel_at_period_end": False} if fact.cancel_at_period_end else {"cancel_at": ""}
        await _give(clerk, Intent(key, deeds.KEEP, account_id, {"subscription": fact.id, "change": change}))
    return await clerk.carry_out(account_id, key)


async def _give(clerk: Clerk, intent: Intent) -> None:
    async with clerk.pool.transaction() as tx:
        await clerk.commands.write(tx, intent)
