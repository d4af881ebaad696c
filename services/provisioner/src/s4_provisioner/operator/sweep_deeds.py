"""What operators see of findings, and decide about them."""

from s4_provisioner.operator.asking import Act, Answer, Wish
from s4_provisioner.operator.confirming import confirmed
from s4_provisioner.sweep import loop
from s4_runtime.refusals import NotNow, NotThere
from s4_store import Pool

_ROWS = """
select what, kind, thing, region, grid_id, host_id, holds_data, first_seen, last_seen, approved_by, trouble, removed_at
from findings where removed_at is null or removed_at > now() - interval '7 days'
order by removed_at is not null, first_seen, kind, thing limit 1000
"""


class Approval(Wish, frozen=True, kw_only=True):
    """The kind of the thing that may be removed."""

    kind: str


async def show(pool: Pool) -> Answer:
    """What was found, and how the last look went."""
    last = await pool.fetchrow("select last_at, seconds, code, due_at from sweeps")
    return {"findings": [dict(row) for row in await pool.fetch(_ROWS)], "last": dict(last) if last else {}}


async def run(act: Act, _wish: Wish) -> Answer:
    """A look begins now."""
    await loop.now_please(act.tx, act.now)
    return {"due": act.now}


async def approve(act: Act, wish: Approval) -> Answer:
    """The thing may be removed, as far as this operator is concerned: what may hold data needs another one, too."""
    sql = (
        "select what, kind, thing, region, grid_id, host_id, holds_data, approved_by from findings"
        " where thing = $1 and kind = $2 and what = 'ownerless' and removed_at is null for update"
    )
    row = await act.tx.fetchrow(sql, act.about, wish.kind)
    if row is None:
        raise NotThere("no-such-finding")
    if act.who in row["approved_by"]:
        raise NotNow("needs-another-operator" if row["holds_data"] else "approved-already")
    waits = await confirmed(act, wish, dict(row), stamp=f"{row['holds_data']}")
    if waits is not None:
        return waits
    await act.tx.execute(
        "update findings set approved_by = array_append(approved_by, $3) where thing = $1 and kind = $2"
        " and what = 'ownerless'",
        *(act.about, wish.kind, act.who),
    )
    await loop.now_please(act.tx, act.now)
    by = [*row["approved_by"], act.who]
    return {"thing": act.about, "approved_by": by, "is_enough": not row["holds_data"] or len(by) >= 2}
