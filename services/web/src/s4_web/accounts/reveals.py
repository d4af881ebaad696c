"""Every time that a furl was handed out: on record before it is shown, told to the others, and listed for its owner."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from s4_contracts.ids import AccountId, GridId
from s4_contracts.web import FurlClaimed
from s4_runtime import new_id
from s4_store import Pool, Transaction
from s4_web import store
from s4_web.accounts.traces import Trace

How = Literal["link", "account", "file"]

_ONE_CLICK = timedelta(minutes=1)  # a form whose answer was lost may be sent again
_MOST = 20

_ADD = "INSERT INTO reveals VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"
_SAME = "SELECT shown_at > $4 FROM reveals WHERE reveal_id = $1 AND account_id = $2 AND how = $3"
# A client that used an invite has the furl too; who that was is not known here.
_LIST = """
SELECT how, browser, place, shown_at FROM reveals WHERE account_id = $1
UNION ALL SELECT 'invite', NULL, NULL, ended_at FROM invites WHERE account_id = $1 AND outcome = 'claimed'
ORDER BY shown_at DESC LIMIT $2
"""


class Reveal(msgspec.Struct, frozen=True):
    """One of them. ``how`` is "invite" where a client fetched it by a code; then the rest is not known."""

    how: str
    browser: str | None
    place: str | None
    shown_at: datetime


class Claimed(msgspec.Struct, frozen=True):
    """Whose furl it is, and what names it."""

    account_id: str
    grid_id: str
    claim_ref: str


async def note_form(
    tx: Transaction, form: tuple[str, Literal["account", "file"]], whose: Claimed, trace: Trace, now: datetime
) -> bool:
    """The furl may be shown, for that is on record and told. False for a form that was used more than a moment ago."""
    reveal_id, how = form
    if await _add(tx, (reveal_id, whose.account_id, how), trace, now):
        await _tell(tx, whose, reveal_id, now)
        return True
    return bool(await tx.fetchval(_SAME, reveal_id, whose.account_id, how, now - _ONE_CLICK))


async def note_link(tx: Transaction, letter_id: str, whose: Claimed, trace: Trace, now: datetime) -> None:
    """A letter's link was opened: on record, and told."""
    await _add(tx, (letter_id, whose.account_id, "link"), trace, now)
    await _tell(tx, whose, letter_id, now)


async def note_again(tx: Transaction, _letter_id: str, whose: Claimed, trace: Trace, now: datetime) -> None:
    """The same link was opened once more by the browser that may; the others know already."""
    await _add(tx, (new_id(), whose.account_id, "link"), trace, now)


async def _add(tx: Transaction, of: tuple[str, str, How], trace: Trace, now: datetime) -> bool:
    row = (*of, trace.browser, trace.place, now)
    return await tx.execute(_ADD, *row) != "INSERT 0 0"


async def _tell(tx: Transaction, whose: Claimed, key: str, now: datetime) -> None:
    account, grid = AccountId(whose.account_id), GridId(whose.grid_id)
    await tx.emit(FurlClaimed(account_id=account, grid_id=grid, claim_ref=whose.claim_ref, occurred_at=now), key=key)
    signup_id = await store.signup_of_account(tx, whose.account_id)
    if signup_id is not None:
        await store.say(tx, (signup_id, whose.account_id, whose.grid_id), "claimed", now)
        await tx.execute("UPDATE journeys SET claimed_at = $2 WHERE signup_id = $1", signup_id, now)


async def reveals_of(pool: Pool, account_id: str) -> Sequence[Reveal]:
    """The latest of them, the newest first."""
    return [Reveal(**row) for row in await pool.fetch(_LIST, account_id, _MOST)]
