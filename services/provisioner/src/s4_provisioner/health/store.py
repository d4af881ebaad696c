"""What the database is asked about the health of hosts."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from s4_contracts.ids import HostId
from s4_provisioner.drivers.contract import HostReport
from s4_provisioner.fleet.hosts import Host, host_of_row
from s4_provisioner.health.verdict import Marks
from s4_store import Pool, Transaction

# The next look is put off before this one is made: a replica that is killed meanwhile loses this one look.
_CLAIM = """
with due as materialized (
    select id from hosts where look_at <= $1 order by look_at limit $2 for no key update skip locked
)
update hosts h set look_at = $1::timestamptz + $3::interval * (0.75 + random() / 2)
where h.id = any(array(select id from due)) returning h.*
"""
_KEEP = """
update hosts h set silent_since = d.silent_since, silent_looks = d.silent_looks, impaired_since = d.impaired_since,
    impaired_looks = d.impaired_looks, bad_since = d.bad_since, retires_at = d.retires_at, alarm = d.alarm
from unnest($1::uuid[], $2::timestamptz[], $3::int[], $4::timestamptz[], $5::int[], $6::timestamptz[],
    $7::timestamptz[], $8::text[])
    as d(id, silent_since, silent_looks, impaired_since, impaired_looks, bad_since, retires_at, alarm)
where h.id = d.id and h.look_at is not null
"""
_NEXT = """
update hosts set {column} = $2::timestamptz + $3::interval * (0.75 + random() / 2) where id = any($1::uuid[])
"""
_UNWELL = """
select region, coalesce(alarm, case when impaired_since is not null then 'impaired' when silent_since is not null
    then 'silent' else 'retirement' end) as code, count(*) as hosts from hosts
where look_at is not null and (bad_since is not null or alarm is not null or retires_at is not null) group by 1, 2
"""


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """A host that is looked at now: what is on record, and what it is due for beside a greeting."""

    host: Host
    marks: Marks
    check_is_due: bool
    report_is_due: bool


async def claim(pool: Pool, limit: int, every: timedelta, now: datetime) -> list[Watched]:
    """Up to ``limit`` hosts that are due to be looked at; nobody else gets them before their next look."""
    async with pool.transaction() as tx:
        rows = await tx.fetch(_CLAIM, now, limit, every)
    names = Marks.__struct_fields__
    return [
        Watched(
            host=host_of_row(row),
            marks=Marks(**{name: row[name] for name in names}),
            check_is_due=row["check_at"] is None or row["check_at"] <= now,
            report_is_due=row["report_at"] is None or row["report_at"] <= now,
        )
        for row in rows
    ]


async def keep_marks(tx: Transaction, marks: Sequence[tuple[HostId, Marks]]) -> None:
    """What was seen of these hosts is on record."""
    columns = ("silent_since", "silent_looks", "impaired_since", "impaired_looks", "bad_since", "retires_at", "alarm")
    values = [[getattr(each, name) for _, each in marks] for name in columns]
    await tx.execute(_KEEP, [host_id for host_id, _ in marks], *values)


async def checked(tx: Transaction, hosts: Sequence[HostId], every: timedelta, now: datetime) -> None:
    """The platform has told of its checks of these hosts."""
    await tx.execute(_NEXT.format(column="check_at"), list(hosts), now, every)


async def asked(tx: Transaction, hosts: Sequence[HostId], every: timedelta, now: datetime) -> None:
    """These hosts were asked how they are."""
    await tx.execute(_NEXT.format(column="report_at"), list(hosts), now, every)


async def keep_report(tx: Transaction, host_id: HostId, report: HostReport) -> None:
    """What the host said of itself."""
    await tx.execute(
        "update hosts set version = $2, memory_available_mib = $3, disk_free_mib = $4 where id = $1",
        *(host_id, report.version, report.memory_available_mib, report.disk_free_mib),
    )


async def note_lost(tx: Transaction, host_id: HostId, now: datetime) -> None:
    """When the host was given up, for the count of what fails at once."""
    await tx.execute("update hosts set lost_at = $2, bad_since = coalesce(bad_since, $2) where id = $1", host_id, now)


async def unwell(pool: Pool) -> dict[tuple[str, str], int]:
    """How many hosts that are looked at have something wrong with them, by region and code."""
    return {(row["region"], row["code"]): row["hosts"] for row in await pool.fetch(_UNWELL)}
