"""Grids that fill up: written about once at each mark, until they have fallen well below it again."""

from collections.abc import Sequence
from typing import Any

from s4_bus import Route, on
from s4_contracts.ids import LetterId
from s4_contracts.provisioner import UsageMeasured
from s4_notifier import store
from s4_notifier.store import Letter
from s4_runtime import Clock, derived_id
from s4_store import Transaction

MARKS = (100, 80)  # percent of the quota, the highest first
BELOW = 5  # percent of the quota, by which it must have fallen below a mark before that is news again

_KNOW = """
INSERT INTO fillings VALUES ($1, 0, '-infinity') ON CONFLICT (grid_id) DO UPDATE SET mark = fillings.mark
RETURNING mark, measured_at > $2 AS is_old
"""


def passed(mark: int, stored: int, quota: int) -> int:
    """The mark that counts as passed from now on, when ``mark`` did until now. Whole numbers: no byte is rounded."""
    for each in MARKS:
        if stored * 100 >= quota * (each - BELOW if mark >= each else each):
            return each
    return 0


class Gauge:
    """Where measurements are heard."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def routes(self) -> Sequence[Route[Any]]:
        """What is heard of what is stored."""
        return [on(UsageMeasured, self.note_usage)]

    async def note_usage(self, event: UsageMeasured, tx: Transaction) -> None:
        """A letter is owed when a higher mark is passed than before. Of two measurements the later counts."""
        if not event.quota_bytes:
            return
        row = await tx.fetchrow(_KNOW, event.grid_id, event.measured_at)
        if row is None or row["is_old"]:
            return
        mark = passed(row["mark"], event.stored_bytes, event.quota_bytes)
        sql = "UPDATE fillings SET mark = $2, measured_at = $3 WHERE grid_id = $1"
        await tx.execute(sql, event.grid_id, mark, event.measured_at)
        if mark > row["mark"]:
            await store.owe_letter(tx, letter_of(event, mark), self._clock.now())


def letter_of(event: UsageMeasured, mark: int) -> Letter:
    """The same measurement gives the same letter."""
    return Letter(
        letter_id=LetterId(derived_id("filling", event.grid_id, event.measured_at.isoformat())),
        account_id=event.account_id,
        kind="filling",
        grid_id=event.grid_id,
        facts={
            "mark": mark,
            "stored_bytes": event.stored_bytes,
            "quota_bytes": event.quota_bytes,
            "at": event.measured_at.isoformat(),
        },
        signup_id=event.signup_id,
        happened_at=event.measured_at,
    )
