"""The record of looks: of several replicas one looks, and each look knows when the last one was."""

from datetime import datetime, timedelta
from typing import Literal

from s4_store import Pool

LONGEST = timedelta(hours=1)  # that a look may take
Scope = Literal["events", "hourly", "nightly"]


async def begin(pool: Pool, scope: Scope, every: timedelta, now: datetime) -> int | None:
    """The run's number, if none of this scope began within the interval; twice at once would do no harm.

    One that began and was not finished in time has failed, and does not count.
    """
    sql = (
        "insert into reconcile_run (started_at, scope) select $1, $2 where not exists (select from reconcile_run"
        " where scope = $2 and started_at > $3 and (finished_at is not null or started_at > $4)) returning id"
    )
    found: int | None = await pool.fetchval(sql, now, scope, now - every * 0.9, now - LONGEST)
    return found


async def finish(pool: Pool, run: int, now: datetime, **counts: int) -> None:
    """The run is over, and found so much. Names of counts are columns."""
    columns = "".join(f", {name} = ${place}" for place, name in enumerate(counts, start=3))
    sql = f"update reconcile_run set finished_at = $2{columns} where id = $1"  # noqa: S608  names from our own calls
    await pool.execute(sql, run, now, *counts.values())


async def last_finished(pool: Pool, scope: Scope) -> datetime | None:
    """When the last look that was finished began."""
    sql = "select max(started_at) from reconcile_run where scope = $1 and finished_at is not null"
    found: datetime | None = await pool.fetchval(sql, scope)
    return found
