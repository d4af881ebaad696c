"""How much of its quota a grid uses, as the provisioner last measured it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Literal

import msgspec

from s4_contracts.provisioner import UsageMeasured
from s4_store import Pool, Transaction

NEARLY = 80  # percent of the quota, from which on the owner is warned

_MEASURED = """
INSERT INTO usage AS old VALUES ($1, $2, $3, $4, $5) ON CONFLICT (signup_id) DO UPDATE SET
stored_bytes = excluded.stored_bytes, objects = excluded.objects, quota_bytes = excluded.quota_bytes,
measured_at = excluded.measured_at WHERE excluded.measured_at > old.measured_at
"""
_MEASURED_THAT_DAY = """
INSERT INTO usage_days AS old VALUES ($1, $2, $3, $4, $5) ON CONFLICT (signup_id, day) DO UPDATE SET
stored_bytes = excluded.stored_bytes, quota_bytes = excluded.quota_bytes, measured_at = excluded.measured_at
WHERE excluded.measured_at > old.measured_at
"""
_DAYS_KEPT = 400  # a year and a month, so that a year can be drawn whole
_TOO_OLD = """
DELETE FROM usage_days WHERE signup_id = $1 AND day <= (SELECT max(day) FROM usage_days WHERE signup_id = $1) - $2::int
"""


class Usage(msgspec.Struct, frozen=True):
    """What is stored, in bytes; there may be no limit."""

    stored_bytes: int
    objects: int
    quota_bytes: int | None
    measured_at: datetime

    @property
    def percent(self) -> int:
        """Of the quota, rounded down: 100 is full."""
        return self.stored_bytes * 100 // self.quota_bytes if self.quota_bytes else 0

    @property
    def level(self) -> Literal["plenty", "nearly", "full"]:
        """How worried its owner must be."""
        return "full" if self.percent >= 100 else "nearly" if self.percent >= NEARLY else "plenty"

    @property
    def mark(self) -> float:
        """Where the quota ends in a bar of length 100 that is as long as the larger of the two."""
        return 100 * (self.quota_bytes or 0) / max(self.stored_bytes, self.quota_bytes or 0, 1)

    @property
    def length(self) -> float:
        """How much of that bar is used."""
        return 100 * self.stored_bytes / max(self.stored_bytes, self.quota_bytes or 0, 1)

    def excess(self, quota: int | None) -> int:
        """How much would have to go to fit into this quota."""
        return max(0, self.stored_bytes - quota) if quota is not None else 0


class Day(msgspec.Struct, frozen=True):
    """The last measurement of one day (UTC)."""

    day: date
    stored_bytes: int
    quota_bytes: int | None


async def note_usage(event: UsageMeasured, tx: Transaction) -> None:
    """The grid's latest measurement, whatever order measurements come in."""
    measured = (event.stored_bytes, event.objects, event.quota_bytes, event.measured_at)
    await tx.execute(_MEASURED, event.signup_id, *measured)
    day = event.measured_at.astimezone(UTC).date()
    of_day = (event.stored_bytes, event.quota_bytes, event.measured_at)
    await tx.execute(_MEASURED_THAT_DAY, event.signup_id, day, *of_day)
    await tx.execute(_TOO_OLD, event.signup_id, _DAYS_KEPT)


async def usage_of(pool: Pool, signup_id: str) -> Usage | None:
    """What was measured of the signup's grid, if anything was."""
    sql = "SELECT stored_bytes, objects, quota_bytes, measured_at FROM usage WHERE signup_id = $1"
    row = await pool.fetchrow(sql, signup_id)
    return Usage(**row) if row else None


async def days_of(pool: Pool, signup_id: str) -> Sequence[Day]:
    """What was measured of the signup's grid on each day that is kept, the oldest first."""
    sql = "SELECT day, stored_bytes, quota_bytes FROM usage_days WHERE signup_id = $1 ORDER BY day"
    return [Day(**row) for row in await pool.fetch(sql, signup_id)]
