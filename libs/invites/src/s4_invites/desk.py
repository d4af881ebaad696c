"""What the invite agent hears."""

from collections.abc import Sequence
from typing import Any

from s4_bus import Route, on
from s4_contracts.provisioner import FurlIssued, GridDeleted
from s4_invites import store
from s4_runtime import Clock
from s4_store import Transaction

_NEWEST = """
INSERT INTO furls (grid_id, account_id, claim_ref, issued_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (grid_id) DO UPDATE SET claim_ref = excluded.claim_ref, issued_at = excluded.issued_at
WHERE furls.issued_at <= excluded.issued_at
"""
_GONE = """
INSERT INTO furls (grid_id, account_id, claim_ref, issued_at, gone_at) VALUES ($1, $2, '', $3, $3)
ON CONFLICT (grid_id) DO UPDATE SET gone_at = excluded.gone_at
"""


class Desk:
    """Where events are read."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def routes(self) -> Sequence[Route[Any]]:
        """What the agent listens to."""
        return [on(FurlIssued, self.note_furl), on(GridDeleted, self.forget)]

    async def note_furl(self, event: FurlIssued, tx: Transaction) -> None:
        """The grid's newest furl is known by its reference."""
        await tx.execute(_NEWEST, event.grid_id, event.account_id, event.claim_ref, event.occurred_at)

    async def forget(self, event: GridDeleted, tx: Transaction) -> None:
        """There is nothing to invite to any more, and there never will be."""
        await tx.execute(_GONE, event.grid_id, event.account_id, event.occurred_at)
        await store.end_of_grid(tx, event.grid_id, "grid-gone", self._clock.now())
