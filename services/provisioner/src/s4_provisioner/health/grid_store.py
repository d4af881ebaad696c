"""What the database is asked about the health of grids."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address

import msgspec

from s4_contracts.ids import GridId, HostId
from s4_store import Pool, Transaction

_HOUR = timedelta(hours=1)
# As with hosts: the next look is put off before this one is made.
_CLAIM = """
with due as materialized (
    select id from grids where look_at <= $1 and stage = 'ready' order by look_at limit $2 for no key update skip locked
)
update grids g set look_at = $1::timestamptz
    + case when failing_since is null then $3::interval else $4::interval end * (0.75 + random() / 2)
from hosts h where g.id = any(array(select id from due)) and h.id = g.host_id
returning g.id, g.address, g.dns_name, g.port, g.storage_tub, g.failing_since, g.failed_looks, h.region, h.id as host_id
"""
# The second failure within a minute calls a real client at once.
_FAILED = """
update grids set failing_since = coalesce(failing_since, $2), failed_looks = failed_looks + 1,
    look_at = $2::timestamptz + $3::interval,
    probe_at = case when failed_looks >= 1 then least(probe_at, $2) else probe_at end
where id = any($1::uuid[]) and look_at is not null and stage = 'ready'
"""
_ANSWERED = """
update grids set failed_looks = 0, failing_since = case when probe_code is null then null else failing_since end
where id = any($1::uuid[]) and (failed_looks > 0 or failing_since is not null)
"""
# A grid that was mended and is not ready after some time is due, too. Failing ones first.
_CLAIM_PROBES = """
with due as materialized (
    select id from grids where probe_at <= $1 and host_id is not null
        and (stage = 'ready' or stage in ('node', 'dns', 'proof') and mended_at > $1::timestamptz - interval '1 hour')
    order by failing_since is null, probe_at limit $2 for no key update skip locked
)
update grids g set probe_at = $1::timestamptz + $3::interval * (1 + random())
from due, hosts h where g.id = due.id and h.id = g.host_id
returning g.id, g.stage, g.failing_since, h.region, h.bad_since is not null as host_is_bad
"""


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A grid that is to be looked at."""

    id: GridId
    address: IPv4Address | None
    dns_name: str | None
    port: int
    storage_tub: str | None
    failing_since: datetime | None
    failed_looks: int
    region: str
    host_id: HostId


class DueProbe(msgspec.Struct, frozen=True, kw_only=True):
    """A grid to which a real client is to be sent; or one that was mended and has not become ready since."""

    id: GridId
    stage: str
    failing_since: datetime | None
    region: str
    host_is_bad: bool


async def claim(pool: Pool, limit: int, every: timedelta, failing: timedelta, now: datetime) -> list[Due]:
    """Up to ``limit`` ready grids that are due to be looked at; nobody else gets them before their next look."""
    async with pool.transaction() as tx:
        rows = await tx.fetch(_CLAIM, now, limit, every, failing)
    return [Due(**dict(row) | {"address": IPv4Address(row["address"]) if row["address"] else None}) for row in rows]


async def failed(tx: Transaction, grids: Sequence[GridId], soon: timedelta, now: datetime) -> None:
    """These grids could not be reached; each is looked at again soon, and by a real client the second time."""
    await tx.execute(_FAILED, list(grids), now, soon)


async def answered(tx: Transaction, grids: Sequence[GridId]) -> None:
    """These grids were there. One that a real client could not use goes on failing until one can."""
    await tx.execute(_ANSWERED, list(grids))


async def keep_tub(tx: Transaction, grid_id: GridId, tub: str) -> None:
    """Which certificate the grid's storage server shows."""
    await tx.execute("update grids set storage_tub = $2 where id = $1", grid_id, tub)


async def claim_probes(pool: Pool, limit: int, again: timedelta, now: datetime) -> list[DueProbe]:
    """Up to ``limit`` grids for a real client; a replica that is killed meanwhile has them probed ``again`` later."""
    async with pool.transaction() as tx:
        rows = await tx.fetch(_CLAIM_PROBES, now, limit, again)
    return [DueProbe(**dict(row)) for row in rows]


async def proved(tx: Transaction, grid_id: GridId, every: timedelta, now: datetime) -> None:
    """A real client has used the grid."""
    await tx.execute(
        "update grids set probed_at = $2, probe_code = null, failing_since = null, failed_looks = 0,"
        " unmended = null,"
        " probe_at = $2::timestamptz + $3::interval * (0.75 + random() / 2) where id = $1",
        *(grid_id, now, every),
    )


async def not_proved(tx: Transaction, grid_id: GridId, code: str, soon: timedelta, now: datetime) -> None:
    """A real client could not use the grid; another one tries soon."""
    await tx.execute(
        "update grids set probed_at = $2, probe_code = $3, failing_since = coalesce(failing_since, $2),"
        " look_at = least(look_at, $2::timestamptz + $4::interval),"
        " probe_at = $2::timestamptz + $4::interval * (1 + random()) where id = $1 and probe_at is not null",
        *(grid_id, now, code, soon),
    )


async def put_off(tx: Transaction, grid_id: GridId, by: timedelta, now: datetime) -> None:
    """No real client is sent to the grid for some time."""
    await tx.execute(
        "update grids set probe_at = $2::timestamptz + $3::interval * (1 + random())"
        " where id = $1 and probe_at is not null",
        *(grid_id, now, by),
    )


async def mends(tx: Transaction, grid_id: GridId, now: datetime) -> int:
    """How often the grid was mended within the last hour."""
    found: int = await tx.fetchval(
        "select case when mends_since > $2 then mends else 0 end from grids where id = $1", grid_id, now - _HOUR
    )
    return found


async def count_mend(tx: Transaction, grid_id: GridId, now: datetime, again: datetime | None) -> None:
    """The grid was mended once more; when it is looked at if it has not become ready by then."""
    await tx.execute(
        "update grids set mends = case when mends_since > $3 then mends else 0 end + 1,"
        " mends_since = case when mends_since > $3 then mends_since else $2 end, mended_at = $2, probe_at = $4"
        " where id = $1",
        *(grid_id, now, now - _HOUR, again),
    )


async def leave(tx: Transaction, grid_id: GridId, code: str) -> bool:
    """Nothing is left to try for the grid, for this reason; whether that is news."""
    sql = "update grids set unmended = $2 where id = $1 and unmended is distinct from $2 returning true"
    return bool(await tx.fetchval(sql, grid_id, code))


async def look_at_host(tx: Transaction, host_ids: Sequence[HostId], now: datetime) -> None:
    """These hosts are looked at now; one that was given up meanwhile is not looked at any more."""
    sql = "update hosts set look_at = least(look_at, $2) where id = any($1::uuid[]) and look_at is not null"
    await tx.execute(sql, list(host_ids), now)


async def unmended(pool: Pool) -> dict[str, int]:
    """For how many failing grids nothing is left to try, by reason."""
    sql = "select unmended, count(*) as grids from grids where unmended is not null and stage = 'ready' group by 1"
    return {row["unmended"]: row["grids"] for row in await pool.fetch(sql)}


async def failing(pool: Pool) -> int:
    """How many ready grids cannot be reached or used."""
    sql = "select count(*) from grids where failing_since is not null and stage = 'ready'"
    found: int = await pool.fetchval(sql)
    return found
