"""What events say of invites, for when the service that keeps them is away. Order and repetition are harmless."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from s4_contracts.invites import InviteClaimed, InviteEnded, InviteOpened
from s4_store import Pool, Transaction

_MOST = 20

_OPENED = """
INSERT INTO invites AS old (invite_id, account_id, grid_id, opened_at, expires_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (invite_id) DO UPDATE SET opened_at = excluded.opened_at, expires_at = excluded.expires_at
"""
# That it was used is the last word: an end that is told too is not one.
_ENDED = """
INSERT INTO invites AS old (invite_id, account_id, grid_id, outcome, ended_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (invite_id) DO UPDATE SET outcome = excluded.outcome, ended_at = excluded.ended_at
WHERE old.outcome IS NULL OR excluded.outcome = 'claimed'
"""


class Heard(msgspec.Struct, frozen=True):
    """An invite as events told of it; ``outcome`` is None while it is open."""

    invite_id: str
    opened_at: datetime | None
    expires_at: datetime | None
    outcome: str | None
    ended_at: datetime | None

    def standing(self, now: datetime) -> str:
        """What became of it, as far as can be told."""
        is_over = self.expires_at is not None and self.expires_at <= now
        return self.outcome or ("expired" if is_over else "open")


async def note_opened(event: InviteOpened, tx: Transaction) -> None:
    """There is a code for one client."""
    row = (event.invite_id, event.account_id, event.grid_id, event.occurred_at, event.expires_at)
    await tx.execute(_OPENED, *row)


async def note_ended(event: InviteClaimed | InviteEnded, tx: Transaction) -> None:
    """The code is dead: used, or not."""
    outcome = "claimed" if isinstance(event, InviteClaimed) else event.outcome
    await tx.execute(_ENDED, event.invite_id, event.account_id, event.grid_id, outcome, event.occurred_at)


async def heard_of(pool: Pool, account_id: str, grid_id: str) -> Sequence[Heard]:
    """The latest invites of the grid, the newest first."""
    rows = await pool.fetch(
        "SELECT invite_id, opened_at, expires_at, outcome, ended_at FROM invites "
        "WHERE account_id = $1 AND grid_id = $2 ORDER BY coalesce(opened_at, ended_at) DESC, invite_id DESC LIMIT $3",
        account_id,
        grid_id,
        _MOST,
    )
    return [Heard(**row) for row in rows]
