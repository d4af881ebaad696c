"""What operators see of rollouts, and do with them."""

from typing import Annotated

import msgspec

from s4_provisioner.fleet import releases
from s4_provisioner.operator.asking import Act, Answer, Wish
from s4_provisioner.operator.confirming import confirmed
from s4_provisioner.rollout import store as rollouts
from s4_provisioner.rollout.decision import size
from s4_provisioner.rollout.store import Rollout
from s4_runtime import new_id
from s4_runtime.refusals import NotNow, NotThere
from s4_store import Pool

_ROWS = """
select r.pool, r.release, r.former, r.state, r.code, r.round, r.canary, r.batch, r.started_at, r.ended_at,
    (select count(*) from rollout_grids g where g.rollout_id = r.id and g.state = 'moving') as moving,
    (select count(*) from rollout_grids g where g.rollout_id = r.id and g.state = 'proved') as proved,
    (select count(*) from rollout_grids g where g.rollout_id = r.id and g.state = 'failed') as failed,
    (select count(*) from rollout_grids g where g.rollout_id = r.id and g.state in ('returning', 'returned')) as back,
    (select count(*) from grids g join hosts h on h.id = g.host_id where g.pool = r.pool and g.stage = 'ready'
        and h.release is distinct from r.release) as to_go
from rollouts r order by r.started_at desc limit 20
"""
_FAILED = """
select o.pool, r.grid_id, r.round, r.code, r.ended_at, g.stage from rollout_grids r
join rollouts o on o.id = r.rollout_id join grids g on g.id = r.grid_id
where r.code is not null order by r.ended_at desc limit 100
"""
Few = Annotated[int, msgspec.Meta(ge=1, le=10_000)]


class Starting(Wish, frozen=True, kw_only=True):
    """``release``: the name of an image at EC2, or an image with its digest for Kubernetes."""

    release: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@*-]{0,254}$")]
    canary: Few = 1
    batch: Few = 10


async def show(pool: Pool) -> Answer:
    """The last rollouts, how far they are, and the grids that were not proved."""
    found = {"rollouts": _ROWS, "failed": _FAILED}
    return {name: [dict(row) for row in await pool.fetch(sql)] for name, sql in found.items()}


async def start(act: Act, wish: Starting) -> Answer:
    """The pool's grids come to be served with the release, a few first. Raises NotThere, NotNow."""
    if act.about not in act.tools.fleet.pools:
        raise NotThere("no-such-pool")
    pool = await releases.current(act.tx, act.about, act.tools.fleet.spec(act.about))
    if await rollouts.open_one(act.tx, act.about):
        raise NotNow("rollout-under-way")
    if wish.release == pool.image:
        raise NotNow("release-is-current")
    grids = await act.tx.fetchval("select count(*) from grids where pool = $1 and stage = 'ready'", act.about)
    would = {"pool": act.about, "release": wish.release, "former": pool.image, "grids": grids}
    would |= {"rounds": [size(number, wish.canary, wish.batch) for number in range(1, 5)]}
    waits = await confirmed(act, wish, would, stamp=f"{wish.release} {pool.image} {wish.canary} {wish.batch}")
    if waits is not None:
        return waits
    await act.tx.execute(
        "insert into rollouts (id, pool, release, former, canary, batch, state, started_at, due_at)"
        " values ($1, $2, $3, $4, $5, $6, 'running', $7, $7)",
        *(new_id(), act.about, wish.release, pool.image, wish.canary, wish.batch, act.now),
    )
    await rollouts.wake(act.tx)
    return would


async def pause(act: Act, _wish: Wish) -> Answer:
    """No further grid begins to move; those that do arrive."""
    return await _turn(act, "running", "paused")


async def resume(act: Act, _wish: Wish) -> Answer:
    """It goes on. Grids that failed are tried once more."""
    rollout = await _open(act)
    if rollout.state != "paused":
        raise NotNow(f"rollout-{rollout.state}")
    await act.tx.execute("delete from rollout_grids where rollout_id = $1 and state = 'failed'", rollout.id)
    return await _turn(act, "paused", "running")


async def back(act: Act, _wish: Wish) -> Answer:
    """All grids that were moved go back to the release that they had."""
    rollout = await _open(act)
    return await _turn(act, rollout.state, "back")


async def _open(act: Act) -> Rollout:
    found = await rollouts.open_one(act.tx, act.about)
    if found is None:
        raise NotThere("no-rollout-under-way")
    await act.tx.execute("select from rollouts where id = $1 for no key update", found.id)
    return found


async def _turn(act: Act, before: str, after: str) -> Answer:
    rollout = await _open(act)
    if rollout.state != before:
        raise NotNow(f"rollout-{rollout.state}")
    await rollouts.move_to(act.tx, rollout, after, act.now)
    await act.tx.execute("update rollouts set due_at = $2 where id = $1", rollout.id, act.now)
    await rollouts.wake(act.tx)
    return {"pool": rollout.pool, "release": rollout.release, "former": rollout.former, "state": after}
