"""Tells which plans can be built now, so that nobody sells what cannot: when that changes, and every hour."""

import math
from datetime import datetime, timedelta

from s4_contracts.provisioner import CapacityReported
from s4_provisioner import metrics
from s4_provisioner.fleet import quotas, releases
from s4_provisioner.fleet.pools import Pool as HostPool
from s4_provisioner.fleet.room import Room, Standing, room
from s4_provisioner.tools import Tools
from s4_runtime import LOOP_FAILURES, Permanent, Temporary, get_logger, last_success
from s4_store import Pool, Transaction

_LOOP = "capacity"
_EVERY = timedelta(seconds=15)
_ANYWAY = timedelta(hours=1)
_REFUSED_FOR = timedelta(minutes=15)
_REFUSALS = ["aws-no-capacity", "aws-quota-reached"]
_WITH_ROOM = """
select memory_mib, (select count(*) from grids where host_id = h.id)
    + (select count(*) from departures where host_id = h.id) as taken
from hosts h
where pool = $1 and release = $2 and wanted = 'open' and not is_full and instance_id is not null
    and stage not in ('failed', 'release', 'gone')
"""
_WAITING = """
select count(*) as grids, count(*) filter (where g.bucket is null) as bucketless
from grids g left join hosts h on h.id = g.host_id
where g.pool = $1 and g.wanted = 'ready' and not g.held and not g.paused
    and g.stage not in ('failed', 'absent', 'ready')
    and h.instance_id is null
"""
_REFUSED = """
select coalesce(failed_code, trouble) from hosts
where pool = $1 and stage_since > coalesce((select max(ready_at) from hosts where pool = $1), '-infinity')
    and (stage = 'launch' and trouble = any($2) or failed_code = any($2) and stage_since > $3)
limit 1
"""
# One step through the index for each plan, however many grids the pool has.
_PLANS = """
with recursive found (plan) as (
    select min(plan) from grids where pool = $1
    union all
    select (select min(plan) from grids where pool = $1 and grids.plan > found.plan)
    from found where found.plan is not null
)
select plan from found where plan is not null
"""
_NEWS = """
insert into capacity_told (pool, told, told_at) values ($1, $2, $3)
on conflict (pool) do update set told = $2, told_at = $3
where capacity_told.told <> $2 or capacity_told.told_at <= $4 returning true
"""


class Capacity:
    """The loop. Any number may run: what is news is told by one."""

    def __init__(self, pool: Pool, tools: Tools) -> None:
        self._pool, self._tools = pool, tools
        self._clock, self._fleet = tools.clock, tools.fleet

    async def forever(self) -> None:
        """Look for ever."""
        while True:
            await self.round()
            await self._clock.sleep(_EVERY.total_seconds())

    async def round(self) -> None:
        """Every pool of the settings was looked at, and what is news was told."""
        try:
            for region in sorted({pool.region for pool in self._fleet.pools.values()}):
                await quotas.look(self._pool, self._tools.cloud(region).quotas, region, self._clock)
            for name, pool in self._fleet.pools.items():
                vcpus_each = await self._vcpus_each(pool)
                async with self._pool.transaction() as tx:
                    await self._tell(tx, name, pool, vcpus_each)
        except Temporary as trouble:
            LOOP_FAILURES.labels(_LOOP, trouble.code).inc()
            return
        last_success(_LOOP)

    async def _vcpus_each(self, pool: HostPool) -> int | None:
        if pool.driver != "ec2":
            return None
        try:
            return await self._tools.cloud(pool.region).quotas.vcpus_of(pool.instance_type)
        except (Temporary, Permanent) as trouble:
            get_logger().warning("quotas.unknown", region=pool.region, trouble=str(trouble))
            return None

    async def _tell(self, tx: Transaction, name: str, pool: HostPool, vcpus_each: int | None) -> None:
        now, allowed = self._clock.now(), await quotas.seen(tx, pool.region)
        if allowed is None:
            return
        pool = await releases.current(tx, name, pool)
        found = room(await _standing(tx, name, pool, now), allowed, pool.slots, vcpus_each)
        metrics.ROOM.labels(name).set(math.nan if found.places is None else found.places)
        plans = await self._plans(tx, name)
        if await tx.fetchval(_NEWS, name, _gist(found, plans), now, now - _ANYWAY):
            await tx.emit(
                CapacityReported(
                    occurred_at=now,
                    pool=name,
                    region=pool.region,
                    plans=plans,
                    can_build=found.can_build,
                    room=found.places,
                    code=found.code,
                    measured_at=now,
                )
            )

    async def _plans(self, tx: Transaction, name: str) -> list[str]:
        """The plans that the pool serves; for all others, also those that somebody ever bought."""
        named = self._fleet.plans_of(name)
        if name != self._fleet.otherwise:
            return named
        rows = await tx.fetch(_PLANS, name)
        return sorted({*named, *(row["plan"] for row in rows if row["plan"] not in self._fleet.plans)})


async def _standing(tx: Transaction, name: str, pool: HostPool, now: datetime) -> Standing:
    hosts = await tx.fetch(_WITH_ROOM, name, pool.image)
    (waiting,) = await tx.fetch(_WAITING, name)
    return Standing(
        free=sum(max(0, pool.slots_in(row["memory_mib"]) - row["taken"]) for row in hosts),
        waiting=waiting["grids"],
        bucketless=waiting["bucketless"],
        refused=await tx.fetchval(_REFUSED, name, _REFUSALS, now - _REFUSED_FOR),
    )


def _gist(found: Room, plans: list[str]) -> str:
    """What makes a report another one: of much room, only its order of magnitude."""
    size = "unknown" if found.places is None else str(min(found.places, 2 ** found.places.bit_length() // 2))
    return f"{found.code} {size} {','.join(plans)}"
