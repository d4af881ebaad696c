"""What the database has to say about the whole service."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import msgspec

from s4_store import Pool
from s4_web.service.tally import day_of

_DAYS = timedelta(days=29)  # before today
_WEEK = timedelta(days=7)
# A grid takes a minute or two; what takes this long is told as trouble, unless it was given up.
_LATE = timedelta(minutes=15)

_POOLS = "SELECT plans, can_build FROM capacity WHERE measured_at >= $1"
_USUAL = """
SELECT count(*) AS made, percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ready_at - paid_at)) AS median
FROM journeys WHERE ready_at >= $1 AND paid_at IS NOT NULL
"""
_LATE_NOW = """
SELECT count(*) FROM journeys WHERE ready_at IS NULL AND failed_final IS NOT TRUE
AND paid_at > $1 AND (paid_at < $2 OR failed_at IS NOT NULL)
"""
_RUNNING = """
SELECT count(*) AS running, count(*) FILTER (WHERE lost_at IS NOT NULL AND coalesce(back_at < lost_at, true)) AS away
FROM journeys WHERE ready_at IS NOT NULL AND NOT EXISTS (
    SELECT FROM standings s
    WHERE s.account_id = journeys.account_id AND aspect = 'grid' AND word IN ('stopped', 'deleted')
)
"""
_COUNTED = "SELECT day, what, amount FROM service_days WHERE day BETWEEN $1 AND $2"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers; which of them are told, and in which words, is decided elsewhere.

    ``pools`` are the plans of each pool that has lately said whether it can build. ``median`` is in seconds.
    """

    today: date
    pools: tuple[tuple[frozenset[str], bool], ...] = ()
    made: int = 0
    median: float | None = None
    late: int = 0
    running: int = 0
    away: int = 0
    days: Mapping[date, Mapping[str, float]] = {}

    def on(self, day: date, what: str) -> float:
        """How much of it there was."""
        return self.days.get(day, {}).get(what, 0.0)

    def lately(self, what: str) -> float:
        """How much of it there was today and yesterday."""
        return self.on(self.today, what) + self.on(self.today - timedelta(days=1), what)


async def facts(pool: Pool, now: datetime, believed: timedelta) -> Facts:
    """What is known now. Reports of pools that are older than ``believed`` are not. Raises DatabaseUnavailable."""
    today, week = day_of(now), now - _WEEK
    usual, grids = await pool.fetchrow(_USUAL, week), await pool.fetchrow(_RUNNING)
    pools = await pool.fetch(_POOLS, now - believed)
    counted: dict[date, dict[str, float]] = {}
    for row in await pool.fetch(_COUNTED, today - _DAYS, today):
        counted.setdefault(row["day"], {})[row["what"]] = row["amount"]
    return Facts(
        today=today,
        pools=tuple((frozenset(row["plans"]), row["can_build"]) for row in pools),
        made=usual["made"] if usual else 0,
        median=usual["median"] if usual else None,
        late=await pool.fetchval(_LATE_NOW, week, now - _LATE),
        running=grids["running"] if grids else 0,
        away=grids["away"] if grids else 0,
        days=counted,
    )


def days_until(today: date) -> list[date]:
    """The days that are shown, today last."""
    return [today - timedelta(days=ago) for ago in range(_DAYS.days, -1, -1)]
