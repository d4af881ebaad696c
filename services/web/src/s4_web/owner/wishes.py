"""What an owner wants with a grid: a pause, or that it is erased. Wanting it twice is wanting it once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from s4_contracts.ids import AccountId, GridId
from s4_contracts.web import ErasureChosen, PauseChosen
from s4_store import Pool, Transaction
from s4_web.accounts.account import Account
from s4_web.progress import Row

What = Literal["pause", "erase"]
Pause = Literal["running", "pausing", "paused", "resuming"]
Erasure = Literal["kept", "asked", "scheduled", "undoing"]

_WANT = """
INSERT INTO grid_wishes AS old VALUES ($1, $2, true, 1, $3) ON CONFLICT (grid_id, what) DO UPDATE SET
is_wanted = true, revision = old.revision + 1, chosen_at = excluded.chosen_at WHERE NOT old.is_wanted RETURNING revision
"""
_WANT_NO_MORE = """
UPDATE grid_wishes SET is_wanted = false, revision = revision + 1, chosen_at = $3
WHERE grid_id = $1 AND what = $2 AND is_wanted RETURNING revision
"""


class Wishes(msgspec.Struct, frozen=True):
    """How it stands with what the owner wants: the wish, and what was heard of it since."""

    pause: Pause = "running"
    erasure: Erasure = "kept"
    delete_at: datetime | None = None


async def wanted_of(pool: Pool, grid_id: str | None) -> set[str]:
    """What is wanted with the grid now."""
    rows = await pool.fetch("SELECT what FROM grid_wishes WHERE grid_id = $1 AND is_wanted", grid_id)
    return {row["what"] for row in rows}


def standing(wanted: set[str], said: Mapping[str, Row], account: Account) -> Wishes:
    """The owner's wishes beside what events said. Pure."""
    grid, deletion = said.get("grid", {}), said.get("deletion", {})
    is_scheduled = deletion.get("word") == "owner"
    if "erase" in wanted:
        erasure: Erasure = "scheduled" if is_scheduled else "asked"
    else:
        erasure = "undoing" if is_scheduled and account.ended else "kept"
    by_owner = said.get("stopped-by", {}).get("word") == "owner"
    delete_at = deletion.get("at") if is_scheduled else None
    return Wishes(_pause(grid.get("word") == "stopped", "pause" in wanted, by_owner=by_owner), erasure, delete_at)


def _pause(is_stopped: bool, is_wanted: bool, *, by_owner: bool) -> Pause:  # noqa: FBT001  two claims about one grid
    if is_wanted:
        return "paused" if is_stopped else "pausing"
    return "resuming" if is_stopped and by_owner else "running"


async def pause(tx: Transaction, account_id: str, grid_id: str, now: datetime, *, paused: bool) -> None:
    """The grid is to pause, or to go on; told once for each change of mind."""
    revision = await _choose(tx, grid_id, "pause", now, wanted=paused)
    if revision:
        account, grid = AccountId(account_id), GridId(grid_id)
        event = PauseChosen(account_id=account, grid_id=grid, paused=paused, revision=revision, occurred_at=now)
        await tx.emit(event, key=f"{grid_id}:{revision}")


async def erase(tx: Transaction, account_id: str, grid_id: str, now: datetime, *, wanted: bool) -> None:
    """All that is stored is to be deleted soon, or kept as was promised; told once for each change of mind."""
    revision = await _choose(tx, grid_id, "erase", now, wanted=wanted)
    if revision:
        account, grid = AccountId(account_id), GridId(grid_id)
        event = ErasureChosen(account_id=account, grid_id=grid, wanted=wanted, revision=revision, occurred_at=now)
        await tx.emit(event, key=f"{grid_id}:{revision}")


async def _choose(tx: Transaction, grid_id: str, what: What, now: datetime, *, wanted: bool) -> int | None:
    """The new revision; None when it was wanted so already."""
    found: int | None = await tx.fetchval(_WANT if wanted else _WANT_NO_MORE, grid_id, what, now)
    return found
