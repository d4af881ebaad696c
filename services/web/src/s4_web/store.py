"""The site's own tables, by question."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec

from s4_runtime import new_id
from s4_store import Pool, Record, Transaction, notify

Row = dict[str, Any]
CHANNEL = "web_journeys"


class Signup(msgspec.Struct, frozen=True):
    """What one browser wants to buy, or has bought."""

    signup_id: str
    account_id: str
    plan: str
    email: str
    created_at: datetime
    returned_at: datetime | None
    checkout_state: str | None
    paid_at: datetime | None

    @property
    def is_paid(self) -> bool:
        """Whether billing has said that it is paid, by event or by answer."""
        return self.paid_at is not None or self.checkout_state == "paid"


_SIGNUPS = (
    "SELECT s.signup_id, s.account_id, s.plan, s.email, s.created_at, s.returned_at, s.checkout_state, j.paid_at "
    "FROM signups s LEFT JOIN journeys j USING (signup_id) "
)


def _signup(row: Record | None) -> Signup | None:
    return Signup(**row) if row else None


async def current_signup(db: Pool | Transaction, browser: bytes) -> Signup | None:
    """The browser's latest signup."""
    return _signup(
        await db.fetchrow(
            _SIGNUPS + "WHERE s.browser = $1 ORDER BY s.created_at DESC, s.signup_id DESC LIMIT 1", browser
        )
    )


async def lock_browser(tx: Transaction, browser: bytes, now: datetime) -> None:
    """Nobody else changes this browser's signups until the transaction ends."""
    await tx.execute(
        "INSERT INTO browsers VALUES ($1, $2) ON CONFLICT (browser) DO UPDATE SET seen_at = excluded.seen_at",
        browser,
        now,
    )


async def add_signup(tx: Transaction, browser: bytes, plan: str, email: str, now: datetime) -> None:
    """The browser has a new signup, of a new account."""
    await tx.execute(
        "INSERT INTO signups (signup_id, account_id, browser, plan, email, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        new_id(),
        new_id(),
        browser,
        plan,
        email,
        now,
    )


async def change_signup(tx: Transaction, signup_id: str, plan: str, email: str) -> None:
    """The signup, not yet paid, is for this plan and address."""
    await tx.execute("UPDATE signups SET plan = $2, email = $3 WHERE signup_id = $1", signup_id, plan, email)


async def note_return(pool: Pool, signup_id: str, state: str | None, now: datetime) -> None:
    """The person came back from paying, and billing said this (None: it did not answer)."""
    await pool.execute(
        "UPDATE signups SET returned_at = $2, checkout_state = CASE WHEN checkout_state = 'paid' THEN 'paid' "
        "ELSE $3 END WHERE signup_id = $1",
        signup_id,
        now,
        state,
    )


async def paid_accounts(pool: Pool, browser: bytes) -> set[str]:
    """The accounts that are open in this browser."""
    rows = await pool.fetch(
        "SELECT s.account_id FROM signups s LEFT JOIN journeys j USING (signup_id) "
        "WHERE s.browser = $1 AND (j.signup_id IS NOT NULL OR s.checkout_state = 'paid')",
        browser,
    )
    return {row["account_id"] for row in rows}


async def signup_of_account(tx: Transaction, account_id: str) -> str | None:
    """The signup that made the account."""
    found: str | None = await tx.fetchval(
        "SELECT signup_id FROM signups WHERE account_id = $1 "
        "UNION SELECT signup_id FROM journeys WHERE account_id = $1 LIMIT 1",
        account_id,
    )
    return found


async def say(tx: Transaction, signup_id: str, account_id: str, facts: dict[str, object]) -> None:
    """Add to the signup's feed; its numbers have no gaps, because the journey's row is locked while one is taken."""
    revision = await tx.fetchval(
        "INSERT INTO journeys (signup_id, account_id, revision) VALUES ($1, $2, 1) "
        "ON CONFLICT (signup_id) DO UPDATE SET revision = journeys.revision + 1 RETURNING revision",
        signup_id,
        account_id,
    )
    await tx.execute("INSERT INTO feed VALUES ($1, $2, $3)", signup_id, revision, msgspec.json.encode(facts).decode())
    await notify(tx, CHANNEL)


async def feed_after(pool: Pool, signup_id: str, revision: int) -> list[tuple[int, str]]:
    """What was said about the signup since that revision, in order."""
    rows = await pool.fetch(
        "SELECT revision, facts FROM feed WHERE signup_id = $1 AND revision > $2 ORDER BY revision", signup_id, revision
    )
    return [(row["revision"], row["facts"]) for row in rows]


async def revisions(pool: Pool, signups: Collection[str]) -> dict[str, int]:
    """The latest revision of each of the signups."""
    rows = await pool.fetch("SELECT signup_id, revision FROM journeys WHERE signup_id = ANY($1::uuid[])", list(signups))
    return {row["signup_id"]: row["revision"] for row in rows}


async def journey(pool: Pool, signup: Signup) -> tuple[Row, list[Row], Row]:
    """What events said of the signup: the journey, its steps, the last letter. Empty where nothing was said."""
    found = await pool.fetchrow("SELECT * FROM journeys WHERE signup_id = $1", signup.signup_id)
    steps = await pool.fetch("SELECT * FROM steps WHERE signup_id = $1", signup.signup_id)
    letter = await pool.fetchrow("SELECT state, said_at FROM letters WHERE account_id = $1", signup.account_id)
    return dict(found or {}), [dict(step) for step in steps], dict(letter or {})


async def may_reread(db: Pool | Transaction, letter_id: str, browser: bytes | None, since: datetime) -> bool | None:
    """None while the link is unused; else whether it was this browser that used it, not before ``since``."""
    sql = "SELECT reader IS NOT DISTINCT FROM $2 AND claimed_at > $3 FROM claims WHERE letter_id = $1"
    found: bool | None = await db.fetchval(sql, letter_id, browser, since)
    return found


async def burn(tx: Transaction, letter_id: str, account_id: str, reader: bytes, now: datetime) -> bool:
    """Use the link up; false when it was used before."""
    sql = "INSERT INTO claims VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
    return await tx.execute(sql, letter_id, account_id, reader, now) == "INSERT 0 1"
