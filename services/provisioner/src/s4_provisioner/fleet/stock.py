"""What a pool has in stock: its empty hosts, and how its last attempts to have one ended."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from s4_contracts.ids import HostId
from s4_provisioner.fleet import store
from s4_provisioner.fleet.pools import Pool
from s4_store import Record, Transaction, notify

CHANNEL = "pools"  # who keeps stock listens here: an empty host was taken
# Taken alone, a used host is not empty again. The node version of a pool's newest host is what its image holds now.
_EMPTIES = """
with newest as (
    select version from hosts where pool = $1 and release = $2 and ready_at is not null order by created_at desc limit 1
)
select id as host_id, stage = 'ready' as is_ready, created_at,
    release = $2 and alarm is null and
        (stage <> 'ready' or version is not distinct from (select version from newest)) as is_current
from hosts h
where pool = $1 and wanted = 'open' and not is_full and stage not in ('failed', 'release', 'gone')
    and not ($3 and is_used) and not exists (select from grids where host_id = h.id)
    and not (is_used and exists
        (select from rollouts r where r.pool = h.pool and r.former = h.release and r.ended_at is null))
    and not exists (select from departures where host_id = h.id)
order by created_at, id
"""
# Hosts that could not be had since the last one that could.
_FAILING = """
select count(*) as times, max(stage_since) as since from hosts
where pool = $1 and release = $2 and failed_code is not null
    and created_at > coalesce((select max(ready_at) from hosts where pool = $1 and release = $2), '-infinity')
"""
# Enough to spread over; ports that are in use do not come back. A host that a grid had alone takes that grid again.
_ROOM = """
select * from hosts h
where pool = $1 and release = $2 and wanted = 'open' and stage <> 'failed' and not (id = any($3))
    and (not is_full or id = $5 and not exists (select from grids where host_id = h.id)
        and not exists (select from departures where host_id = h.id))
    and not exists (select from grids where host_id = h.id and port between $4 - 1 and $4 + 1)
    and ($5::uuid is null or id = $5) and alarm is null and bad_since is null
order by stage = 'ready' desc, is_used desc, created_at limit 8
for no key update
"""
# One step through the index for each pool, however many hosts it has.
_NAMES = """
with recursive found (pool) as (
    select min(pool) from hosts where wanted <> 'absent' or stage <> 'gone'
    union all
    select (select min(pool) from hosts where (wanted <> 'absent' or stage <> 'gone') and hosts.pool > found.pool)
    from found where found.pool is not null
)
select pool from found where pool is not null
"""
_LET_GO = """
update hosts set wanted = 'absent', reason = $2, is_full = true, look_at = null, lend_at = null, due_at = $3,
    attempts = 0 where id = any($1) and wanted = 'open'
"""


class Empty(msgspec.Struct, frozen=True, kw_only=True):
    """A host on which nothing is; ``is_current``: another that is launched now would be the same."""

    host_id: HostId
    is_ready: bool
    is_current: bool
    created_at: datetime


class Failing(msgspec.Struct, frozen=True):
    """How many hosts in a row could not be had, and when the last of them was given up."""

    times: int
    since: datetime | None


async def hold(tx: Transaction, pool: str) -> None:
    """No one else places a grid in the pool, or adds a host to it or takes one from it, until ``tx`` ends."""
    await tx.execute("select pg_advisory_xact_lock(hashtext('s4-pool:' || $1))", pool)


async def wake(tx: Transaction) -> None:
    """Whoever keeps stock looks at it when ``tx`` commits."""
    await notify(tx, CHANNEL)


async def names(tx: Transaction, configured: list[str]) -> list[str]:
    """The pools of the settings, and those that are not in them any more but still have hosts."""
    rows = await tx.fetch(_NAMES)
    return sorted({*configured, *(row["pool"] for row in rows)})


async def empties(tx: Transaction, name: str, pool: Pool) -> list[Empty]:
    """The pool's empty hosts, there or coming, oldest first."""
    rows = await tx.fetch(_EMPTIES, name, pool.image, pool.isolation == "host")
    return [Empty(**row) for row in rows]


async def failing(tx: Transaction, name: str, pool: Pool) -> Failing:
    """How the last attempts ended."""
    row = await tx.fetchrow(_FAILING, name, pool.image)
    return Failing(row["times"], row["since"]) if row else Failing(0, None)


async def room(
    tx: Transaction, pool: str, release: str, *, not_on: Sequence[HostId], port: int, only: HostId | None
) -> list[Record]:
    """Hosts of the pool with room for a grid with this port: those that are ready first, and those in use of them."""
    return await tx.fetch(_ROOM, pool, release, list(not_on), port, only)


async def let_go(tx: Transaction, hosts: list[HostId], reason: str, now: datetime) -> None:
    """These hosts go."""
    if hosts:
        await tx.execute(_LET_GO, hosts, reason, now)
        await store.wake(tx)


async def clear_failed(tx: Transaction, name: str, before: datetime, now: datetime) -> None:
    """Hosts that could not be had, or not be released, before this time go: something of them may be left."""
    await tx.execute(
        "update hosts set wanted = 'absent', reason = coalesce(reason, failed_code), due_at = $3, attempts = 0"
        " where pool = $1 and stage = 'failed' and stage_since < $2 and due_at is null",
        *(name, before, now),
    )
    await store.wake(tx)


async def prune(tx: Transaction, name: str, before: datetime) -> int:
    """Hosts that have been gone for long are forgotten, but for those that a grid still names; how many.

    Nothing is left on one that is gone, whatever left it while it went.
    """
    await tx.execute(
        "delete from departures d using hosts h where h.id = d.host_id and h.pool = $1 and h.stage = 'gone'", name
    )
    rows = await tx.fetch(
        "delete from hosts h where pool = $1 and stage = 'gone' and stage_since < $2"
        " and not exists (select from grids where host_id = h.id)"
        " and not exists (select from grids where host_wanted = h.id)"
        " and not exists (select from departures where host_id = h.id) returning id",
        *(name, before),
    )
    return len(rows)
