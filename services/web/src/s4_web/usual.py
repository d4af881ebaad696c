"""How long the making of a grid usually takes: our own latest grids of the plan; nothing where they are few."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from s4_store import Pool

WHOLE = "whole"  # from the payment until the grid is ready
_FEWEST = 5  # of fewer nothing is claimed
_LATEST = 200
_SINCE = timedelta(days=30)
_BELIEVED = timedelta(minutes=1)
# At most so many rows are read, whatever there is: the latest by their index, their steps by their keys.
_TIMES = """
WITH latest AS (
    SELECT signup_id, paid_at, ready_at, issued_at, written_at FROM journeys
    WHERE bought_plan = $1 AND ready_at > $2 AND paid_at IS NOT NULL ORDER BY ready_at DESC LIMIT $3
), taken AS (
    SELECT step, seconds FROM latest JOIN steps USING (signup_id) WHERE state = 'done' AND seconds IS NOT NULL
    UNION ALL SELECT $4, extract(epoch FROM ready_at - paid_at)::float8 FROM latest
    UNION ALL SELECT 'letter', extract(epoch FROM written_at - issued_at)::float8 FROM latest
    WHERE written_at IS NOT NULL AND issued_at IS NOT NULL
)
SELECT step, percentile_cont(0.5) WITHIN GROUP (ORDER BY greatest(seconds, 0)) AS median,
percentile_cont(0.9) WITHIN GROUP (ORDER BY greatest(seconds, 0)) AS most
FROM taken GROUP BY step HAVING count(*) >= $5
"""


class Times(msgspec.Struct, frozen=True):
    """In seconds: half were as quick as ``median``, nine of ten as ``most``."""

    median: float
    most: float


Usual = Mapping[str, Times]  # by step; nothing is known of what is not in it


async def measured(pool: Pool, plan: str, now: datetime) -> Usual:
    """What the latest grids of the plan took."""
    rows = await pool.fetch(_TIMES, plan, now - _SINCE, _LATEST, WHOLE, _FEWEST)
    return {row["step"]: Times(row["median"], row["most"]) for row in rows}


class UsualTimes:
    """What was measured within the last minute; however many ask, the database is asked once."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._measured: dict[str, tuple[datetime, Usual]] = {}
        self._asking = asyncio.Lock()

    async def of(self, plan: str, now: datetime) -> Usual:
        """What grids of the plan usually take."""
        async with self._asking:
            at, known = self._measured.get(plan, (None, {}))
            if at is None or now - at >= _BELIEVED:
                known = await measured(self._pool, plan, now)
                self._measured[plan] = now, known
            return known
