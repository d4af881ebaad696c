"""Letters that come by themselves after a grid is ready: a reminder of the furl, and what is wise to do."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from s4_bus import Route, on
from s4_contracts.ids import GridId
from s4_contracts.invites import InviteClaimed, InviteOpened
from s4_contracts.provisioner import FurlIssued
from s4_contracts.web import FurlClaimed
from s4_notifier import furls, readers, store
from s4_notifier.settings import Settings
from s4_runtime import Clock, derived_id
from s4_store import Transaction

# Not while it is being sent: what was tried once is not moved.
_PUT_OFF = """
UPDATE letters SET issued_at = greatest(issued_at, $2), due_at = greatest(due_at, $2)
WHERE letter_id = $1 AND state = 'owed' AND attempts = 0
"""
_NEWER_FURL = "UPDATE letters SET claim_ref = $2 WHERE letter_id = $1 AND state = 'owed' AND attempts = 0"


class Guide:
    """Where it is heard that a grid has an owner who may need a word. When a letter is due, it is seen whether."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings

    def routes(self) -> Sequence[Route[Any]]:
        """What is heard of furls and who has them."""
        return [
            on(FurlIssued, self.owe_reminder),
            on(FurlIssued, self.owe_checklists),
            on(InviteOpened, self.put_off_reminder),
            on(FurlClaimed, self.note_claim),
            on(InviteClaimed, self.note_claim),
        ]

    async def owe_reminder(self, event: FurlIssued, tx: Transaction) -> None:
        """Who has not fetched the furl by then is reminded once, of the newest one."""
        letter = furls.letter("reminder", event.grid_id, furls.of(event))
        await store.owe_letter(tx, letter, self._due(event.occurred_at + self._settings.reminder_after))
        await tx.execute(_NEWER_FURL, letter.letter_id, event.claim_ref)

    async def owe_checklists(self, event: FurlIssued, tx: Transaction) -> None:
        """What is wise to do on the first day and in the first week."""
        first = furls.letter("checklist-1", event.grid_id, furls.of(event))
        await store.owe_letter(tx, first, self._due(event.occurred_at + self._settings.first_checklist_after))
        second = furls.letter("checklist-7", event.grid_id, furls.of(event))
        await store.owe_letter(tx, second, self._due(event.occurred_at + self._settings.second_checklist_after))

    async def put_off_reminder(self, event: InviteOpened, tx: Transaction) -> None:
        """Whoever has just opened an invite has time to use it. Raises Temporary until the furl was announced here."""
        await furls.newest(tx, event.account_id, event.grid_id)
        await tx.execute(_PUT_OFF, _reminder(event.grid_id), event.occurred_at + self._settings.reminder_after)

    async def note_claim(self, event: FurlClaimed | InviteClaimed, tx: Transaction) -> None:
        """The owner has the furl, or a client of theirs."""
        await readers.mark_claimed(tx, event.grid_id, event.occurred_at)

    def _due(self, wanted: datetime) -> datetime:
        return max(self._clock.now(), wanted)


def _reminder(grid: GridId) -> str:
    return derived_id("reminder", grid)
