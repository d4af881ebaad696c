"""Accounts, what was said of them, and sessions, by question."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from s4_store import Pool, Transaction
from s4_web.progress import Row


class Known(msgspec.Struct, frozen=True):
    """An account that was paid for, and whose it is."""

    account_id: str
    signup_id: str
    email: str
    paid_at: datetime


class Session(msgspec.Struct, frozen=True):
    """Somebody who is signed in; ``wanted`` is the page for which they were asked to sign in anew."""

    session: bytes
    letter_id: str
    account_id: str
    signed_in_at: datetime
    wanted: str | None


async def latest_of_address(tx: Transaction, email: str) -> str | None:
    """The account that was last paid for with this address."""
    sql = "SELECT account_id FROM accounts WHERE lower(email) = lower($1) ORDER BY paid_at DESC, account_id LIMIT 1"
    found: str | None = await tx.fetchval(sql, email)
    return found


async def same_address(pool: Pool, account_id: str) -> list[Known]:
    """All accounts of the address that this one belongs to, the latest first."""
    rows = await pool.fetch(
        "SELECT b.* FROM accounts a JOIN accounts b ON lower(a.email) = lower(b.email) "
        "WHERE a.account_id = $1 ORDER BY b.paid_at DESC, b.account_id",
        account_id,
    )
    return [Known(**row) for row in rows]


async def keeps(tx: Transaction, account_id: str, email: str) -> bool:
    """Whether the account has this address, and does not get another one until the transaction ends."""
    sql = "SELECT true FROM accounts WHERE account_id = $1 AND lower(email) = lower($2) FOR SHARE"
    return bool(await tx.fetchval(sql, account_id, email))


async def said_of(pool: Pool, accounts: Sequence[str]) -> dict[str, dict[str, Row]]:
    """What events said of each of the accounts, by aspect."""
    found: dict[str, dict[str, Row]] = {account_id: {} for account_id in accounts}
    for row in await pool.fetch("SELECT * FROM standings WHERE account_id = ANY($1::uuid[])", list(accounts)):
        found[row["account_id"]][row["aspect"]] = dict(row)
    return found


async def grid_of(pool: Pool, signup_id: str) -> Row:
    """How the making of the signup's grid ended, if it did."""
    sql = "SELECT grid_id, ready_at, claim_ref, failed_final, lost_at, back_at FROM journeys WHERE signup_id = $1"
    return dict(await pool.fetchrow(sql, signup_id) or {})


async def session(db: Pool | Transaction, key: bytes, since: datetime) -> Session | None:
    """The session, unless it began before ``since``."""
    row = await db.fetchrow("SELECT * FROM sessions WHERE session = $1 AND signed_in_at > $2", key, since)
    return Session(**row) if row else None


async def add_session(tx: Transaction, session: Session, since: datetime) -> None:
    """Somebody is signed in. Sessions from before ``since`` are over, and forgotten."""
    await tx.execute("DELETE FROM sessions WHERE signed_in_at <= $1", since)
    row = (session.session, session.letter_id, session.account_id, session.signed_in_at, session.wanted)
    await tx.execute("INSERT INTO sessions VALUES ($1, $2, $3, $4, $5)", *row)


async def is_open(tx: Transaction, letter_id: str) -> bool:
    """Whether a session that began with this letter goes on."""
    return bool(await tx.fetchval("SELECT EXISTS (SELECT FROM sessions WHERE letter_id = $1)", letter_id))


async def want(pool: Pool, key: bytes, place: str) -> None:
    """Who signs in anew in this session's browser goes on there."""
    await pool.execute("UPDATE sessions SET wanted = $2 WHERE session = $1", key, place)


async def end_session(db: Pool | Transaction, key: bytes) -> None:
    """Signed out, in every tab that signed in with the same letter."""
    sql = "DELETE FROM sessions WHERE letter_id = (SELECT letter_id FROM sessions WHERE session = $1)"
    await db.execute(sql, key)
