"""On which host a grid is placed. ``choose`` is pure; ``place`` does it in the transaction that keeps it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec

from s4_contracts.ids import AccountId, GridId, HostId
from s4_provisioner.fleet import store as hosts
from s4_provisioner.fleet.hosts import Host, host_of_row
from s4_provisioner.fleet.pools import Fleet, Pool
from s4_provisioner.grids import Grid
from s4_runtime import new_id
from s4_store import Transaction


class Resident(msgspec.Struct, frozen=True):
    """A grid on a host, or one of which something is left there."""

    grid_id: GridId
    account_id: AccountId
    port: int
    shard: str | None


class Candidate(msgspec.Struct, frozen=True):
    """A host with its residents."""

    host: Host
    residents: Sequence[Resident]


class Place(msgspec.Struct, frozen=True):
    """Where a grid goes, and whether the host has no room left then."""

    host_id: HostId
    shard: str | None
    is_last: bool


def choose(grid: Grid, pool: Pool, candidates: Sequence[Candidate]) -> Place | None:
    """The best place for the grid among hosts that may be in any order of preference; None when none has room.

    A port of the grid may be in use on a host; grids of one customer are spread over hosts where there is a choice.
    """
    fitting = [each for each in candidates if _fits(grid, pool, each)]
    if not fitting:
        return None
    best = min(fitting, key=lambda each: sum(there.account_id == grid.account_id for there in each.residents))
    return Place(best.host.id, _shard(pool, best), len(best.residents) + 1 >= pool.slots)


def _fits(grid: Grid, pool: Pool, candidate: Candidate) -> bool:
    taken = {there.port for there in candidate.residents}
    return len(candidate.residents) < pool.slots and not taken & {grid.port - 1, grid.port, grid.port + 1}


def _shard(pool: Pool, candidate: Candidate) -> str | None:
    """The fullest process with room, or a new one; None where grids do not share processes."""
    if pool.isolation != "shard":
        return None
    sizes = Counter(there.shard for there in candidate.residents if there.shard)
    with_room = [name for name, size in sizes.most_common() if size < pool.grids_per_shard]
    return with_room[0] if with_room else next(name for name in map(_name, range(len(sizes) + 1)) if name not in sizes)


def _name(number: int) -> str:
    return f"shard-{number}"


async def place(tx: Transaction, fleet: Fleet, grid: Grid, now: datetime) -> None:
    """The grid is on a host of its pool: one with room, or one more, which is wanted from now on."""
    pool = fleet.spec(grid.pool)
    release = grid.release_wanted or pool.image
    place = await _found(tx, grid, pool, release)
    if place is None:
        # One at a time: who comes second finds the host that the first has asked for.
        await tx.execute("select pg_advisory_xact_lock(hashtext('s4-pool:' || $1))", grid.pool)
        place = await _found(tx, grid, pool, release) or await _one_more(tx, grid, pool, release, now)
    await _keep(tx, grid, pool, place, now)


async def _found(tx: Transaction, grid: Grid, pool: Pool, release: str) -> Place | None:
    left = [host.id for host, _ in await hosts.left_hosts(tx, grid.id)]
    rows = await hosts.room_of(tx, grid.pool, release, left)
    if grid.host_wanted is not None:
        rows = [row for row in rows if row["id"] == grid.host_wanted]
    return choose(grid, pool, [await _candidate(tx, host_of_row(row)) for row in rows])


async def _candidate(tx: Transaction, host: Host) -> Candidate:
    rows = await tx.fetch(
        "select id as grid_id, account_id, port, shard from grids where host_id = $1 union all"
        " select g.id, g.account_id, g.port, null from departures d join grids g on g.id = d.grid_id"
        " where d.host_id = $1",
        host.id,
    )
    return Candidate(host, [Resident(**row) for row in rows])


async def _one_more(tx: Transaction, grid: Grid, pool: Pool, release: str, now: datetime) -> Place:
    host_id = HostId(new_id())
    zone = await emptiest_zone(tx, grid.pool, pool)
    await hosts.add(
        tx, host_id, pool=grid.pool, driver=pool.driver, region=pool.region, zone=zone, release=release, now=now
    )
    host = await hosts.host(tx, host_id)
    place = choose(grid, pool, [Candidate(host, [])] if host else [])
    return place or Place(host_id, None, is_last=True)


async def emptiest_zone(tx: Transaction, name: str, pool: Pool) -> str | None:
    """The zone of the pool with the fewest hosts; None where the driver chooses."""
    if not pool.zones:
        return None
    rows = await tx.fetch(
        "select zone, count(*) as hosts from hosts where pool = $1 and wanted = 'open' group by zone", name
    )
    sizes = {row["zone"]: row["hosts"] for row in rows}
    return min(pool.zones, key=lambda zone: sizes.get(zone, 0))


async def _keep(tx: Transaction, grid: Grid, pool: Pool, place: Place, now: datetime) -> None:
    await tx.execute(
        "update hosts set is_used = true, is_full = $2, capacity = $3 where id = $1",
        *(place.host_id, place.is_last, pool.slots),
    )
    await tx.execute(
        "update grids set host_id = $2, shard = $3, host_wanted = null,"
        " announced_from = greatest(announced_from + 1, $4) where id = $1",
        *(grid.id, place.host_id, place.shard, int(now.timestamp())),
    )
