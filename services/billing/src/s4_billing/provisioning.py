"""What the provisioner tells us: a grid that was paid for could not be built. Recorded for who decides on a refund."""

from typing import Any

from s4_bus import Route, on
from s4_contracts.provisioner import ProvisioningFailed
from s4_store import Transaction


async def record_failure(event: ProvisioningFailed, tx: Transaction) -> None:
    """The failure is on record; the same one told again changes nothing."""
    sql = (
        "insert into provisioning_failure (grid_id, step, code, account_id, checkout_id, final, occurred_at)"
        " values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing"
    )
    await tx.execute(
        sql, event.grid_id, event.step, event.code, event.account_id, event.signup_id, event.final, event.occurred_at
    )


def routes() -> list[Route[Any]]:
    """What billing listens to."""
    return [on(ProvisioningFailed, record_failure)]
