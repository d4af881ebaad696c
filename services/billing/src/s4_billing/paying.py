"""Paying the open bill with the card on file, instead of waiting for Stripe's next try."""

from collections.abc import Mapping
from typing import Any

from s4_billing import deeds
from s4_billing.clerk import Clerk
from s4_billing.commands import Intent
from s4_billing.errors import NotNow
from s4_billing.leaving import Again


async def pay(clerk: Clerk, account_id: str, wish: Again) -> Mapping[str, Any]:
    """The open bill is paid. Raises NoSuchAccount, NotNow, CardDeclined."""
    key = f"pay:{account_id}:{wish.request_id}"
    if not await clerk.was_given(account_id, key):
        await clerk.synced(account_id)
        bill = (await clerk.held(account_id)).failing_invoice
        if bill is None:
            raise NotNow("nothing-due")
        async with clerk.pool.transaction() as tx:
            await clerk.commands.write(tx, Intent(key, deeds.PAY, account_id, {"invoice": bill}))
    return await clerk.carry_out(account_id, key)
