"""On which host a grid is placed. ``choose`` is pure; ``place`` does it in the transaction that keeps it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec

from s4_contracts.ids import AccountId, GridId, HostId
from s4_provisioner.fleet import releases, stock
from s4_provisioner.fleet import store as hosts
from s4_provisioner.fleet.growth import add_host
from s4_provisioner.fleet.lifecycle import HostStage
from s4_provisioner.fleet.pools import Fleet, Pool
from s4_provisioner.grids import Grid
from s4_store import Transaction

_RESIDENTS = """
select host_id, id as grid_id, account_id, port, shard from grids where host_id = any($1)
union all
select d.host_id, g.id, g.account_id, g.port, null from departures d join grids g on g.id = d.grid_id
where d.host_id = any($1)
"""


class Resident(msgspec.Struct, frozen=True):
    """A grid on a host, or one of which something is left there."""

    grid_id: GridId
    account_id: AccountId
    port: int
    shard: str | None


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A host with its residents. ``slots``: how many grids it takes, by what its pool and its memory allow."""

    host_id: HostId
    is_ready: bool
    zone: str | None
    residents: Sequence[Resident]
    slots: int


class Place(msgspec.Struct, frozen=True):
    """Where a grid goes, and whether the host has no room left then."""

    host_id: HostId
    shard: str | None
    is_last: bool


def choose(account: AccountId, port: int, pool: Pool, candidates: Sequence[Candidate]) -> Place | None:
    """The best place for a grid of the customer, with this port and the next, among hosts in the order of preference.

    A host that is ready comes first. Then grids of one customer are spread over hosts, and over zones, where there is
    a choice. None when no host has room, or the ports are in use on those that have.
    """
    own = {each.host_id: sum(there.account_id == account for there in each.residents) for each in candidates}
    zones: Counter[str | None] = Counter()
    for each in candidates:
        zones[each.zone] += own[each.host_id]
    fitting = [each for each in candidates if _fits(port, each)]
    if not fitting:
        return None
    best = min(fitting, key=lambda each: (not each.is_ready, own[each.host_id], zones[each.zone]))
    return Place(best.host_id, _shard(pool, best), len(best.residents) + 1 >= best.slots)


def _fits(port: int, candidate: Candidate) -> bool:
    taken = {there.port for there in candidate.residents}
    return len(candidate.residents) < candidate.slots and not taken & {port - 1, port, port + 1}


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
    """The grid is on a host of its pool: one with room, or one more, which is wanted from now on.

    One grid of a pool at a time: who comes second finds the room that the first left, or the host that it asked for.
    """
    pool = await releases.current(tx, grid.pool, fleet.spec(grid.pool))
    release = grid.release_wanted or pool.image
    await stock.hold(tx, grid.pool)
    wanted = await _candidates(tx, grid, pool, release, grid.host_wanted) if grid.host_wanted else []
    found = choose(grid.account_id, grid.port, pool, wanted) or choose(
        grid.account_id, grid.port, pool, await _candidates(tx, grid, pool, release)
    )
    if found is None:
        host_id = await add_host(tx, grid.pool, pool, release, now)
        shard = _name(0) if pool.isolation == "shard" else None
        found = Place(host_id, shard, is_last=pool.slots <= 1)
    await _keep(tx, grid, pool, found, now)
    await stock.wake(tx)


async def _candidates(
    tx: Transaction, grid: Grid, pool: Pool, release: str, only: HostId | None = None
) -> list[Candidate]:
    left = [host.id for host, _ in await hosts.left_hosts(tx, grid.id)]
    rows = await stock.room(tx, grid.pool, release, not_on=left, port=grid.port, only=only)
    residents: dict[str, list[Resident]] = {row["id"]: [] for row in rows}
    for host_id, *there in await tx.fetch(_RESIDENTS, list(residents)):
        residents[host_id].append(Resident(*there))
    return [
        Candidate(
            host_id=row["id"],
            is_ready=row["stage"] == HostStage.READY,
            zone=row["zone"],
            residents=residents[row["id"]],
            slots=pool.slots_in(row["memory_mib"]),
        )
        for row in rows
    ]


async def _keep(tx: Transaction, grid: Grid, pool: Pool, found: Place, now: datetime) -> None:
    await tx.execute(
        "update hosts set is_used = true, is_full = $2, capacity = $3 where id = $1",
        *(found.host_id, found.is_last, pool.slots),
    )
    await tx.execute(
        "update grids set host_id = $2, shard = $3, host_wanted = null,"
        " announced_from = greatest(announced_from + 1, $4) where id = $1",
        *(grid.id, found.host_id, found.shard, int(now.timestamp())),
    )
    await tx.execute(
        "insert into stays (grid_id, host_id, release, began_at) select $1, id, release, $3 from hosts where id = $2",
        *(grid.id, found.host_id, now),
    )
