"""What the others tell us: what could not be built, what can be, how much is stored, what is left, who moved."""

from typing import Any

from s4_billing import addresses, store
from s4_billing.capacity import record_capacity
from s4_billing.usage import record_usage
from s4_bus import Route, on
from s4_contracts.provisioner import CapacityReported, GridDeleted, ProvisioningFailed, UsageMeasured
from s4_store import Transaction, notify

# Who looks at accounts because of the clock alone listens here.
CHANNEL = "billing_due"


async def record_failure(event: ProvisioningFailed, tx: Transaction) -> None:
    """The failure is on record; after a final one the account is looked at, which gives back what was paid."""
    await store.locked_customer(tx, event.account_id)
    sql = (
        "insert into provisioning_failure (grid_id, step, code, account_id, checkout_id, final, occurred_at)"
        " values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing"
    )
    await tx.execute(
        sql, event.grid_id, event.step, event.code, event.account_id, event.signup_id, event.final, event.occurred_at
    )
    if event.final:
        await store.review_soon(tx, event.signup_id, event.occurred_at)
        await notify(tx, CHANNEL)


async def record_deletion(event: GridDeleted, tx: Transaction) -> None:
    """The subscription says since when nothing of it is stored."""
    await store.locked_customer(tx, event.account_id)
    await store.mark_deleted(tx, event.signup_id, event.occurred_at)


async def failed_signups(tx: Transaction, account_id: str) -> frozenset[str]:
    """The account's signups for which there will be no grid."""
    sql = "select checkout_id from provisioning_failure where account_id = $1 and final"
    return frozenset(row["checkout_id"] for row in await tx.fetch(sql, account_id))


def routes() -> list[Route[Any]]:
    """What billing listens to."""
    return [
        on(ProvisioningFailed, record_failure),
        on(GridDeleted, record_deletion),
        on(UsageMeasured, record_usage),
        on(CapacityReported, record_capacity),
        *addresses.routes(),
    ]
