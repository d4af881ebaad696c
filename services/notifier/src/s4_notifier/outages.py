"""Losses of machines that were long enough to write about."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from s4_bus import Route, on
from s4_contracts.ids import LetterId
from s4_contracts.provisioner import InstanceLost, InstanceRecovered
from s4_notifier import store
from s4_notifier.settings import Settings
from s4_notifier.store import Letter
from s4_runtime import Clock, derived_id
from s4_store import Transaction

_NOT_AGAIN = timedelta(days=1)  # a grid that comes and goes is not written about each time
_LOST = """
INSERT INTO outages AS old (grid_id, lost_at) VALUES ($1, $2)
ON CONFLICT (grid_id) DO UPDATE SET lost_at = greatest(old.lost_at, excluded.lost_at)
"""
_BACK = """
INSERT INTO outages AS old (grid_id, back_at) VALUES ($1, $2)
ON CONFLICT (grid_id) DO UPDATE SET back_at = greatest(old.back_at, excluded.back_at) RETURNING told_at
"""


class Watch:
    """Where losses and recoveries are heard."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings

    def routes(self) -> Sequence[Route[Any]]:
        """What is heard of machines."""
        return [on(InstanceLost, self.note_loss), on(InstanceRecovered, self.note_recovery)]

    async def note_loss(self, event: InstanceLost, tx: Transaction) -> None:
        """A letter is owed for later. When it is due, it is seen whether the grid is back."""
        await tx.execute(_LOST, event.grid_id, event.occurred_at)
        due = max(self._clock.now(), event.occurred_at + self._settings.loss_told_after)
        await store.owe_letter(tx, letter_of("lost", event), due)

    async def note_recovery(self, event: InstanceRecovered, tx: Transaction) -> None:
        """What was owed for the loss is no news any more. A long outage is told now, at most one a day."""
        told_at = await tx.fetchval(_BACK, event.grid_id, event.proved_at)
        is_long = event.seconds > self._settings.outage_told_from.total_seconds()
        if is_long and (told_at is None or abs(event.proved_at - told_at) >= _NOT_AGAIN):
            sql = "UPDATE outages SET told_at = greatest(told_at, $2) WHERE grid_id = $1"
            await tx.execute(sql, event.grid_id, event.proved_at)
            await store.owe_letter(tx, letter_of("recovered", event), self._clock.now())


def letter_of(kind: str, event: InstanceLost | InstanceRecovered) -> Letter:
    """The same loss, or proof, gives the same letter."""
    happened_at = event.occurred_at if isinstance(event, InstanceLost) else event.proved_at
    facts: dict[str, str | int | bool | None] = {"at": happened_at.isoformat()}
    if isinstance(event, InstanceRecovered):
        facts["seconds"] = round(event.seconds)
    return Letter(
        letter_id=LetterId(derived_id(kind, event.grid_id, happened_at.isoformat())),
        account_id=event.account_id,
        kind=kind,
        grid_id=event.grid_id,
        facts=facts,
        signup_id=event.signup_id,
        happened_at=happened_at,
    )
