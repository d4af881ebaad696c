"""What the database is asked about findings."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from s4_contracts.ids import GridId, HostId
from s4_provisioner.sweep.finding import Finding
from s4_store import Pool, Record, Transaction

_KEEP = """
insert into findings (kind, thing, region, what, grid_id, host_id, holds_data, first_seen, last_seen)
select *, $8::timestamptz, $8::timestamptz
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::boolean[])
on conflict (kind, thing, region, what) do update set last_seen = $8, holds_data = excluded.holds_data,
    first_seen = case when findings.removed_at is null then findings.first_seen else $8 end,
    approved_by = case when findings.removed_at is null then findings.approved_by else '{}' end, removed_at = null
"""
# One that is being released may still be listed; a grid that is removed has its things until it is absent.
_LIVING_HOSTS = "select id from hosts where id = any($1::uuid[]) and (stage <> 'gone' or stage_since > $2)"
_LIVING_GRIDS = "select id from grids where id = any($1::uuid[]) and (stage <> 'absent' or stage_since > $2)"
_BUCKETS = """
select id, bucket, region from grids where bucket is not null and stage_since < $1
    and stage not in ('bucket', 'empty', 'forget', 'absent')
"""
_NAMED = """
select id, dns_name, address from grids where stage = 'ready' and dns_name is not null and address is not null
    and stage_since < $1
"""
_MACHINES = """
select id, instance_id, driver, region, pool from hosts where stage = 'ready' and wanted <> 'absent'
    and stage_since < $1 and instance_id is not null
"""
_ONE = "where kind = $1 and thing = $2 and region = $3 and what = $4"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A finding on record."""

    finding: Finding
    first_seen: datetime
    last_seen: datetime
    approved_by: list[str]


async def living(
    pool: Pool, hosts: Sequence[HostId], grids: Sequence[GridId], since: datetime
) -> tuple[set[str], set[str]]:
    """Which of these hosts and grids are there, or were until lately."""
    there = await pool.fetch(_LIVING_HOSTS, list(hosts), since), await pool.fetch(_LIVING_GRIDS, list(grids), since)
    return {row["id"] for row in there[0]}, {row["id"] for row in there[1]}


async def buckets(pool: Pool, before: datetime) -> list[Record]:
    """The buckets that grids must have since before then."""
    return await pool.fetch(_BUCKETS, before)


async def names(pool: Pool, before: datetime) -> list[Record]:
    """What names must mean since before then."""
    return await pool.fetch(_NAMED, before)


async def machines(pool: Pool, before: datetime) -> list[Record]:
    """The machines that hosts must have since before then."""
    return await pool.fetch(_MACHINES, before)


async def keep(tx: Transaction, found: Sequence[Finding], now: datetime) -> None:
    """These findings are on record; those that were not seen again are not any more, but for what was removed."""
    columns = ("kind", "thing", "region", "what", "grid_id", "host_id", "holds_data")
    unique = {(each.kind, each.thing, each.region, each.what): each for each in found}
    await tx.execute(_KEEP, *([getattr(each, name) for each in unique.values()] for name in columns), now)
    await tx.execute("delete from findings where last_seen < $1 and removed_at is null", now)


async def open_ones(source: Pool | Transaction) -> list[Kept]:
    """The findings that are still true, as far as we know; oldest first."""
    rows = await source.fetch("select * from findings where removed_at is null order by first_seen, kind, thing")
    return [
        Kept(
            finding=Finding(**{name: row[name] for name in Finding.__struct_fields__}),
            first_seen=row["first_seen"],
            last_seen=row["last_seen"],
            approved_by=list(row["approved_by"]),
        )
        for row in rows
    ]


async def removed(pool: Pool, finding: Finding, now: datetime) -> None:
    """The thing is gone, or is as it should be again."""
    sql = f"update findings set removed_at = $5, trouble = null {_ONE}"  # noqa: S608  own words only
    await pool.execute(sql, finding.kind, finding.thing, finding.region, finding.what, now)


async def troubled(pool: Pool, finding: Finding, code: str) -> None:
    """Why the thing is still there."""
    sql = f"update findings set trouble = $5 {_ONE}"  # noqa: S608  own words only
    await pool.execute(sql, finding.kind, finding.thing, finding.region, finding.what, code)
