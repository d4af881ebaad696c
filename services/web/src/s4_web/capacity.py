"""Which plans cannot be had now, as the provisioner last said. What nobody knows is offered; billing decides."""

from s4_contracts.provisioner import CapacityReported
from s4_store import Transaction
from s4_web.site import Site

_REPORT = """
INSERT INTO capacity AS old VALUES ($1, $2, $3, $4, $5) ON CONFLICT (pool, region) DO UPDATE SET
plans = excluded.plans, can_build = excluded.can_build, measured_at = excluded.measured_at
WHERE excluded.measured_at > old.measured_at
"""
_SOLD_OUT = """
SELECT plan FROM capacity, unnest(plans) AS plan WHERE measured_at >= $1 GROUP BY plan HAVING NOT bool_or(can_build)
"""


async def note_capacity(event: CapacityReported, tx: Transaction) -> None:
    """The pool's latest report, whatever order reports come in."""
    await tx.execute(_REPORT, event.pool, event.region, event.plans, event.can_build, event.measured_at)


async def sold_out(site: Site) -> frozenset[str]:
    """The plans of which every pool has said, and not too long ago, that it is full."""
    since = site.clock.now() - site.settings.capacity_believed
    return frozenset(row["plan"] for row in await site.pool.fetch(_SOLD_OUT, since))
