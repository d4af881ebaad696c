"""How much a grid holds, as the provisioner last measured it. No plan is sold that holds less."""

from s4_billing.catalogue import Plan
from s4_billing.errors import DoesNotFit
from s4_contracts.provisioner import UsageMeasured
from s4_store import Pool, Transaction


async def record_usage(event: UsageMeasured, tx: Transaction) -> None:
    """The grid's latest measurement, whatever order measurements come in."""
    sql = (
        "insert into grid_usage as old (checkout_id, account_id, stored_bytes, objects, measured_at)"
        " values ($1, $2, $3, $4, $5) on conflict (checkout_id) do update set (stored_bytes, objects, measured_at)"
        " = ($3, $4, $5) where old.measured_at < $5"
    )
    measured = (event.stored_bytes, event.objects, event.measured_at)
    await tx.execute(sql, event.signup_id, event.account_id, *measured)


async def require_fit(where: Pool | Transaction, checkout_id: str | None, plan: Plan) -> None:
    """Raises DoesNotFit if more is stored than the plan holds. What was never measured fits."""
    sql = "select stored_bytes from grid_usage where checkout_id = $1"
    stored = await where.fetchval(sql, checkout_id) or 0
    if stored > plan.quota_bytes:
        excess = stored - plan.quota_bytes
        raise DoesNotFit("does-not-fit", stored_bytes=stored, quota_bytes=plan.quota_bytes, excess_bytes=excess)
