"""Whether a grid of a plan can be built now, as the provisioner last said. What nobody knows is sold."""

from datetime import datetime, timedelta

from prometheus_client import Counter

from s4_billing.errors import SoldOut
from s4_contracts.provisioner import CapacityReported
from s4_runtime import get_logger
from s4_store import Pool, Transaction

REFUSED = Counter("billing_sold_out_total", "How often a plan was refused because it cannot be built.", ["plan"])
UNKNOWN = Counter(
    "billing_sold_unknowing_total", "How often a plan was sold although no recent report names it.", ["plan"]
)


async def record_capacity(event: CapacityReported, tx: Transaction) -> None:
    """The pool's latest report, whatever order reports come in."""
    sql = (
        "insert into capacity as old (pool, region, plans, can_build, room, code, measured_at)"
        " values ($1, $2, $3, $4, $5, $6, $7) on conflict (pool, region) do update set (plans, can_build, room, code,"
        " measured_at) = ($3, $4, $5, $6, $7) where old.measured_at < $7"
    )
    report = (event.pool, event.region, event.plans, event.can_build, event.room, event.code, event.measured_at)
    await tx.execute(sql, *report)


async def require_capacity(where: Pool | Transaction, plan: str, now: datetime, believed: timedelta) -> None:
    """Raises SoldOut if every pool that serves the plan has said, not longer ago than ``believed``, that it is full."""
    sql = "select bool_or(can_build) from capacity where $1 = any(plans) and measured_at >= $2"
    can_build = await where.fetchval(sql, plan, now - believed)
    if can_build is None:
        UNKNOWN.labels(plan).inc()
    elif not can_build:
        REFUSED.labels(plan).inc()
        get_logger().warning("plan.sold-out", plan=plan)
        raise SoldOut("sold-out", plan=plan)
