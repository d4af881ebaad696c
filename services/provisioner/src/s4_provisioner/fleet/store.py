"""What the provisioner's database is asked about hosts."""

from collections.abc import Sequence
from datetime import datetime

from s4_contracts.ids import GridId, HostId
from s4_provisioner.drivers.contract import HostReport, Plan
from s4_provisioner.fleet.hosts import Host, host_of_row
from s4_provisioner.fleet.lifecycle import HostStage
from s4_provisioner.sealing import Sealed
from s4_store import Pool, Transaction, notify

CHANNEL = "hosts"  # who waits for work on hosts listens here
# Hosts that a change in the grids on them leaves with nothing to be there for: drained and empty, or used up. While a
# rollout is under way, those of the former release stay: their grids may have to come back.
_SETTLE = """
update hosts h set wanted = 'absent', due_at = $2, attempts = 0
where id = $1 and wanted <> 'absent' and (wanted = 'drained' or $3 and is_used
        and not exists (select from rollouts r where r.pool = h.pool and r.former = h.release and r.ended_at is null))
    and not exists (select from grids where host_id = h.id) and not exists (select from departures where host_id = h.id)
returning true
"""


async def host(source: Pool | Transaction, host_id: HostId) -> Host | None:
    """The host as it is now."""
    row = await source.fetchrow("select * from hosts where id = $1", host_id)
    return host_of_row(row) if row else None


async def add(
    tx: Transaction,
    host_id: HostId,
    *,
    pool: str,
    driver: str,
    region: str,
    zone: str | None,
    release: str,
    now: datetime,
) -> None:
    """One more host is wanted, and due now."""
    await tx.execute(
        "insert into hosts (id, pool, driver, region, zone, release, capacity, wanted, stage, stage_since, created_at,"
        " due_at, is_used, is_full) values ($1, $2, $3, $4, $5, $6, 1, 'open', 'plan', $7, $7, $7, false, false)"
        " on conflict (id) do nothing",
        *(host_id, pool, driver, region, zone, release, now),
    )
    await wake(tx)


async def wake(tx: Transaction) -> None:
    """Convergers look for hosts that are due when ``tx`` commits."""
    await notify(tx, CHANNEL)


async def enter(tx: Transaction, host_id: HostId, stage: HostStage, now: datetime) -> None:
    """The host is in the stage, at the first attempt of its step; its lease goes on."""
    await tx.execute(
        "update hosts set stage = $2, stage_since = $3, attempts = 1, due_at = $3, trouble = null where id = $1",
        *(host_id, stage, now),
    )


async def rest(tx: Transaction, host_id: HostId) -> None:
    """Nothing is to be done for the host until something else is wanted, or a grid has left it."""
    await tx.execute(
        "update hosts h set attempts = 0, due_at = case when exists"
        " (select from departures where host_id = h.id and state = 'stopped') then due_at end where id = $1",
        host_id,
    )


async def look_again(tx: Transaction, host_id: HostId, due_at: datetime, trouble: str | None = None) -> None:
    """The host is due later. A look that merely came too early, without trouble, does not count as an attempt."""
    await tx.execute(
        "update hosts set due_at = $2, attempts = attempts - $3, trouble = $4 where id = $1",
        *(host_id, due_at, 0 if trouble else 1, trouble),
    )
    await wake(tx)


async def fail(tx: Transaction, host_id: HostId, code: str, now: datetime) -> None:
    """The host cannot be had. No grid is placed on it; those that were look for another, or fail with it."""
    await tx.execute(
        "update hosts set stage = 'failed', stage_since = $3, failed_code = $2, failures = failures + 1,"
        " is_full = true, due_at = null where id = $1",
        *(host_id, code, now),
    )
    await wake_grids(tx, host_id, now)


async def plan(tx: Transaction, host_id: HostId, planned: Plan, sealed: Sealed | None) -> None:
    """All that the host will be asked for with is kept, and the key by which we know it."""
    await tx.execute(
        "update hosts set request = $2, sealed_host_key = $3, host_key = $4 where id = $1",
        *(host_id, planned.request, sealed.envelope if sealed else None, planned.public_key),
    )


async def unplan(tx: Transaction, host_id: HostId) -> None:
    """What was planned cannot be had: the host is planned again."""
    await tx.execute("update hosts set request = null, sealed_host_key = null, host_key = null where id = $1", host_id)


async def keep_machine(tx: Transaction, host_id: HostId, machine_id: str) -> None:
    """Which machine the host is."""
    await tx.execute("update hosts set instance_id = $2 where id = $1", host_id, machine_id)


async def keep_place(tx: Transaction, host_id: HostId, address: str | None, zone: str | None) -> None:
    """Where the host answers, and in which zone it is."""
    await tx.execute(
        "update hosts set address = $2, zone = coalesce($3, zone) where id = $1", *(host_id, address, zone)
    )


async def keep_ready(tx: Transaction, host_id: HostId, report: HostReport, now: datetime) -> None:
    """The host takes grids, and is looked after from now on. Those that wait for it go on."""
    await tx.execute(
        "update hosts set ready_at = $2, look_at = $2, lend_at = $2, version = $3, memory_mib = $4 where id = $1",
        *(host_id, now, report.version, report.memory_available_mib),
    )
    await wake_grids(tx, host_id, now)


async def wake_grids(tx: Transaction, host_id: HostId, now: datetime) -> None:
    """Grids that wait for the host look at it again."""
    await tx.execute("update grids set due_at = $2 where host_id = $1 and stage = 'boot'", host_id, now)
    await notify(tx, "grids")


async def give_up(tx: Transaction, host_id: HostId, reason: str, now: datetime) -> bool:
    """The host goes, whoever is still on it; False when it was going already."""
    given = await tx.fetchval(
        "update hosts set wanted = 'absent', reason = $2, is_full = true, look_at = null, lend_at = null, due_at = $3,"
        " failed_code = case when ready_at is null then coalesce(failed_code, $2) else failed_code end,"
        " attempts = 0 where id = $1 and wanted <> 'absent' returning true",
        *(host_id, reason, now),
    )
    await wake(tx)
    return bool(given)


async def alarm(tx: Transaction, host_id: HostId, code: str) -> None:
    """The host takes no more grids until its own report says that it is well."""
    await tx.execute("update hosts set alarm = $2 where id = $1", host_id, code)


async def gone(tx: Transaction, host_id: HostId, now: datetime) -> None:
    """Nothing of the host is left, and so nothing of a grid that left it."""
    await tx.execute(
        "update hosts set sealed_host_key = null, host_key = null, address = null, look_at = null, lend_at = null"
        " where id = $1",
        host_id,
    )
    await departed(tx, host_id, await leaving_here(tx, host_id), now)


async def drain(tx: Transaction, host_id: HostId, reason: str, now: datetime) -> bool:
    """No grid is placed on the host any more; False when it was so already."""
    drained = await tx.fetchval(
        "update hosts set wanted = 'drained', reason = $2 where id = $1 and wanted = 'open' returning true",
        *(host_id, reason),
    )
    await settle(tx, host_id, now, is_alone=False)
    return bool(drained)


async def leaving_here(tx: Transaction, host_id: HostId) -> list[GridId]:
    """The grids of which something may still be on the host that they left."""
    return [
        GridId(row["grid_id"]) for row in await tx.fetch("select grid_id from departures where host_id = $1", host_id)
    ]


async def stopped_here(pool: Pool, host_id: HostId) -> list[GridId]:
    """The grids that left the host, are served elsewhere or nowhere, and are still to be removed from it."""
    sql = "select grid_id from departures where host_id = $1 and state = 'stopped'"
    return [GridId(row["grid_id"]) for row in await pool.fetch(sql, host_id)]


async def departed(tx: Transaction, host_id: HostId, grids: Sequence[GridId], now: datetime) -> None:
    """Nothing of these grids is on the host any more: there is room again. Who waits for it goes on."""
    await tx.execute("delete from departures where host_id = $1 and grid_id = any($2)", host_id, list(grids))
    await tx.execute(
        "update grids set due_at = $2 where id = any($1) and stage in ('node', 'release')", list(grids), now
    )
    await tx.execute("update hosts set is_full = false where id = $1 and wanted = 'open' and capacity > 1", host_id)
    await notify(tx, "grids")


async def settle(tx: Transaction, host_id: HostId, now: datetime, *, is_alone: bool) -> None:
    """The host goes if it is drained and empty, or, where a grid has a host alone, its grid has left it."""
    if await tx.fetchval(_SETTLE, host_id, now, is_alone):
        await wake(tx)


async def depart(tx: Transaction, grid_id: GridId, host_id: HostId, *, stopped: bool, now: datetime) -> None:
    """The grid is on no host; what is left of it on this one is seen to."""
    state = "stopped" if stopped else "serving"
    await tx.execute(
        "insert into departures (grid_id, host_id, state, since) select $1, id, $3, $4 from hosts where id = $2"
        " and stage <> 'gone' on conflict (grid_id, host_id) do update set state = $3",
        *(grid_id, host_id, state, now),
    )
    await tx.execute(
        "update grids set host_id = null, shard = null, address = null, dns_change = null, lent_until = null,"
        " look_at = null, probe_at = null where id = $1 and host_id = $2",
        *(grid_id, host_id),
    )
    await tx.execute(
        "update stays set ended_at = $3 where grid_id = $1 and host_id = $2 and ended_at is null", grid_id, host_id, now
    )
    if stopped:
        await to_be_tidied(tx, host_id, now)


async def stopped(tx: Transaction, grid_id: GridId, now: datetime) -> None:
    """No host that the grid left serves it any more: what is left of it there may go."""
    rows = await tx.fetch("update departures set state = 'stopped' where grid_id = $1 returning host_id", grid_id)
    for row in rows:
        await to_be_tidied(tx, HostId(row["host_id"]), now)


async def to_be_tidied(tx: Transaction, host_id: HostId, now: datetime) -> None:
    """The host's converger removes what left it; one that was to be for that grid alone, and is not ready yet, goes."""
    await tx.execute(
        "update hosts set due_at = $2,"
        " wanted = case when stage <> 'ready' and capacity = 1 then 'absent' else wanted end"
        " where id = $1 and wanted <> 'absent' and (stage = 'ready' or capacity = 1)",
        *(host_id, now),
    )
    await wake(tx)


async def left_hosts(source: Pool | Transaction, grid_id: GridId) -> list[tuple[Host, str]]:
    """The hosts on which something of the grid may be left, and whether its node may run there.

    Not those that are gone, even if it left them while they went: the pool's next look ends that (stock.prune).
    """
    rows = await source.fetch(
        "select h.*, d.state as departure from departures d join hosts h on h.id = d.host_id"
        " where d.grid_id = $1 and h.stage <> 'gone'",
        grid_id,
    )
    return [(host_of_row(row), row["departure"]) for row in rows]


async def next_due(pool: Pool) -> datetime | None:
    """When a host that nobody holds is due, or the lease of one that is due ends."""
    found: datetime | None = await pool.fetchval(
        "select min(greatest(due_at, lease_until)) from hosts where due_at is not null"
    )
    return found
