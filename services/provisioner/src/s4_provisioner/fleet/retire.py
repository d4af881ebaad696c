"""No host becomes older than its pool allows, and a host that is drained is emptied: a few grids move at a time.

Who drains a host, for whatever reason, need do no more. Any number of these may run.
"""

import uuid
from datetime import datetime, timedelta

from s4_contracts.ids import GridId, HostId
from s4_provisioner import moves, store
from s4_provisioner.fleet import releases, stock
from s4_provisioner.fleet import store as hosts
from s4_provisioner.fleet.pools import Pool as HostPool
from s4_provisioner.grids import present
from s4_provisioner.lifecycle import ON_A_HOST, Stage
from s4_provisioner.tools import Tools
from s4_runtime import LOOP_FAILURES, Temporary, context, get_logger, last_success
from s4_store import Pool, Transaction, Wakeup

_LOOP = "retire"
_IDLE = timedelta(seconds=15)
_MOVING = timedelta(seconds=1)
_SHARE = 10  # one host in so many is drained at a time
_SPREAD = 0.1  # hosts of one day do not all grow old on one day
_TROUBLED = timedelta(hours=1)  # as long as no new host could be had, nobody moves for age
_LOOKED_AT = timedelta(minutes=10)  # a grid that failed is tried elsewhere after this
_AGED = """
select id, created_at from hosts where pool = $1 and wanted = 'open' and stage = 'ready' and created_at < $2
order by created_at, id limit 1000
"""
_COUNTS = """
select count(*) as hosts, count(*) filter (where wanted = 'drained') as drained from hosts
where pool = $1 and wanted <> 'absent' and stage <> 'failed'
"""
_MOVING_NOW = """
select count(distinct d.grid_id) from departures d join hosts h on h.id = d.host_id join grids g on g.id = d.grid_id
where h.pool = $1 and d.state = 'serving' and g.stage = any($2)
"""
_TO_MOVE = """
select g.id as grid_id, h.id as host_id from grids g join hosts h on h.id = g.host_id
where h.pool = $1 and h.wanted = 'drained' and (g.stage = any($2) or g.stage = 'failed' and g.stage_since < $3)
order by g.stage = 'failed', h.created_at, g.id limit $4
"""
_STILL_THERE = """
select true from grids g join hosts h on h.id = g.host_id
where g.id = $1 and h.id = $2 and h.wanted = 'drained' for update of g
"""
_SERVED = [Stage.READY.value, *(stage.value for stage in ON_A_HOST)]


def age_of(host_id: HostId, pool: HostPool) -> timedelta | None:
    """How old this host may become: the same at every look, and a little less than another of its day."""
    part = uuid.UUID(host_id).int % 1000 / 1000
    return pool.max_age * (1 - _SPREAD * part) if pool.max_age is not None else None


class Retire:
    """The loop."""

    def __init__(self, pool: Pool, tools: Tools) -> None:
        self._pool, self._tools = pool, tools
        self._clock, self._fleet = tools.clock, tools.fleet

    async def forever(self) -> None:
        """Look for ever."""
        async with Wakeup.listen(self._pool.url, stock.CHANNEL) as wakeup:
            while True:
                await wakeup.wait(await self.round())

    async def round(self) -> timedelta:
        """Every pool was looked at once; how long to wait for the next look."""
        try:
            async with self._pool.transaction() as tx:
                names = await stock.names(tx, list(self._fleet.pools))
            moved = [await self._empty(name) for name in names if not await self._is_troubled(name)]
        except Temporary as trouble:
            LOOP_FAILURES.labels(_LOOP, trouble.code).inc()
            return _IDLE
        last_success(_LOOP)
        return _MOVING if any(moved) else _IDLE

    async def _is_troubled(self, name: str) -> bool:
        """Whether no host could be had for this pool of late: who serves now goes on serving."""
        async with self._pool.transaction() as tx:
            failing = await stock.failing(tx, name, await releases.current(tx, name, self._fleet.spec(name)))
        return failing.since is not None and failing.since > self._clock.now() - _TROUBLED

    async def _empty(self, name: str) -> bool:
        """Old hosts are drained, as far as that may be now, and grids move off drained ones; whether any do."""
        now, pool = self._clock.now(), self._fleet.spec(name)
        async with self._pool.transaction() as tx:
            # Counted and done by one at a time; what waits for the pool itself is not held up.
            await tx.execute("select pg_advisory_xact_lock(hashtext('s4-retire:' || $1))", name)
            await self._drain_old(tx, name, pool, now)
            moving = await tx.fetchval(_MOVING_NOW, name, _SERVED)
            rows = await tx.fetch(
                _TO_MOVE, name, _SERVED, now - _LOOKED_AT, max(0, self._tools.settings.moves_at_once - moving)
            )
            for row in rows:
                await self._move(tx, GridId(row["grid_id"]), HostId(row["host_id"]), now)
        return bool(rows or moving)

    async def _drain_old(self, tx: Transaction, name: str, pool: HostPool, now: datetime) -> None:
        if pool.max_age is None or pool.driver != "ec2":  # a namespace does not grow old
            return
        aged = await tx.fetch(_AGED, name, now - pool.max_age * (1 - _SPREAD))
        old = [row["id"] for row in aged if row["created_at"] + present(age_of(row["id"], pool)) < now]
        if not old:
            return
        counts = present(await tx.fetchrow(_COUNTS, name))
        allowed = max(1, counts["hosts"] // _SHARE) - counts["drained"]
        for host_id in old[: max(0, allowed)]:
            await hosts.drain(tx, HostId(host_id), "age", now)
            get_logger().info("host.drained", host=host_id, pool=name, reason="age")

    async def _move(self, tx: Transaction, grid_id: GridId, host_id: HostId, now: datetime) -> None:
        if not await tx.fetchval(_STILL_THERE, grid_id, host_id):
            return
        grid = present(await store.grid(tx, grid_id))
        with context.bound(context.from_headers(grid.story)):
            if grid.stage is Stage.FAILED:
                await moves.heed(tx, grid_id, now, retry=True)
            if present(grid.failed_stage if grid.stage is Stage.FAILED else grid.stage).value in _SERVED:
                await moves.relocate(tx, grid_id, now)
