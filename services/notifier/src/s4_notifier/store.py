"""The notifier's rows, by the questions asked of them."""

from datetime import datetime, timedelta

import msgspec

from s4_contracts.ids import AccountId, GridId, LetterId
from s4_store import Leases, Pool, Transaction

LETTERS = Leases(table="letters", key="letter_id")
# Where a new or newly deliverable letter is announced to the postman.
CHANNEL = "s4_letters"


class OwedLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A letter and its address, which is unknown until billing's event arrives. ``attempts`` counts this one too."""

    letter_id: LetterId
    account_id: AccountId
    kind: str
    grid_id: GridId
    claim_ref: str
    issued_at: datetime
    attempts: int
    email: str | None


async def learn_address(tx: Transaction, account: AccountId, email: str, now: datetime) -> None:
    """Letters to the account go to this address from now on; those that waited for it are due."""
    await tx.execute(
        "INSERT INTO addressees (account_id, email) VALUES ($1, $2)"
        " ON CONFLICT (account_id) DO UPDATE SET email = excluded.email",
        account,
        email,
    )
    await tx.execute("UPDATE letters SET due_at = $2 WHERE account_id = $1 AND state = 'owed'", account, now)


async def owe_letter(
    tx: Transaction,
    letter: LetterId,
    *,
    account: AccountId,
    kind: str,
    grid: GridId,
    claim_ref: str,
    now: datetime,
) -> None:
    """The letter is owed and due. Owing it twice changes nothing."""
    await tx.execute(
        "INSERT INTO letters (letter_id, account_id, kind, grid_id, claim_ref, issued_at, due_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (letter_id) DO NOTHING",
        letter,
        account,
        kind,
        grid,
        claim_ref,
        now,
    )


async def latest_claim_ref(tx: Transaction, account: AccountId, grid: GridId) -> str | None:
    """The newest furl of the grid that this account was written about."""
    found: str | None = await tx.fetchval(
        "SELECT claim_ref FROM letters WHERE account_id = $1 AND grid_id = $2 ORDER BY issued_at DESC LIMIT 1",
        account,
        grid,
    )
    return found


async def mark_claimed(tx: Transaction, account: AccountId, claim_ref: str, now: datetime) -> None:
    """The person has the furl: nothing more needs to be said about it."""
    await tx.execute(
        "UPDATE letters SET claimed_at = coalesce(claimed_at, $3) WHERE account_id = $1 AND claim_ref = $2",
        account,
        claim_ref,
        now,
    )


async def claim_letters(pool: Pool, limit: int, ttl: timedelta, now: datetime) -> list[tuple[OwedLetter, str]]:
    """Due letters with their addresses and lease tokens; they are mine for ``ttl``."""
    rows = await LETTERS.claim(pool, limit, ttl, now)
    accounts = [row["account_id"] for row in rows]
    found = await pool.fetch("SELECT account_id, email FROM addressees WHERE account_id = ANY($1)", accounts)
    emails = {row["account_id"]: row["email"] for row in found}
    return [
        (msgspec.convert({**row, "email": emails.get(row["account_id"])}, OwedLetter), row["lease_token"])
        for row in rows
    ]


async def finish(tx: Transaction, letter: LetterId, state: str) -> None:
    """The letter is "sent" or "bounced" for good."""
    await tx.execute("UPDATE letters SET state = $2, due_at = NULL WHERE letter_id = $1", letter, state)


async def postpone(tx: Transaction, letter: LetterId, due: datetime, *, failed: bool) -> None:
    """Try again at ``due``; unless it ``failed``, the attempt does not count."""
    await tx.execute(
        "UPDATE letters SET due_at = $2, attempts = attempts - $3 WHERE letter_id = $1", letter, due, int(not failed)
    )
