"""The site's own tables, by question."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from s4_runtime import context, new_id
from s4_store import Pool, Transaction, notify
from s4_web.progress import Said, Signup

CHANNEL = "web_journeys"
News = tuple[int, str, str]  # its number, its name, its facts in JSON
Ids = tuple[str, str, str | None]  # of the signup, its account, and its grid where that is known

# One question instead of three: the page is asked for at every change. There is a row for each step, or one without.
_JOURNEY = """
SELECT j.revision, j.grid_id, j.paid_at, j.ready_at, j.issued_at, j.written_at, j.claim_ref, j.claimed_at, j.failed_at,
j.failed_final, j.lost_at, j.back_at, s.step, s.position, s.state, s.seconds, s.began_at, s.said_at, s.next_try_at,
l.state AS letter FROM (SELECT $1::uuid AS signup_id, $2::uuid AS account_id) asked
LEFT JOIN journeys j ON j.signup_id = asked.signup_id LEFT JOIN steps s ON s.signup_id = asked.signup_id
LEFT JOIN letters l ON l.account_id = asked.account_id
"""


async def current_signup(db: Pool | Transaction, browser: bytes) -> Signup | None:
    """The browser's latest signup. It is paid when billing said so, by event or by answer."""
    row = await db.fetchrow(
        "SELECT signup_id, s.account_id, s.plan, email, returned_at, checkout_state, traceparent, "
        "coalesce(paid_at, issued_at) IS NOT NULL OR coalesce(checkout_state = 'paid', false) AS is_paid "
        "FROM signups s LEFT JOIN journeys j USING (signup_id) "
        "WHERE browser = $1 ORDER BY created_at DESC, signup_id DESC LIMIT 1",
        browser,
    )
    return Signup(**row) if row else None


async def lock_browser(tx: Transaction, browser: bytes, now: datetime) -> None:
    """Nobody else changes this browser's signups until the transaction ends."""
    sql = "INSERT INTO browsers VALUES ($1, $2) ON CONFLICT (browser) DO UPDATE SET seen_at = excluded.seen_at"
    await tx.execute(sql, browser, now)


async def add_signup(tx: Transaction, browser: bytes, plan: str, email: str, now: datetime) -> None:
    """The browser has a new signup, of a new account."""
    sql = (
        "INSERT INTO signups (signup_id, account_id, browser, plan, email, created_at, traceparent) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)"
    )
    await tx.execute(sql, new_id(), new_id(), browser, plan, email, now, context.current().traceparent)


async def change_signup(tx: Transaction, signup_id: str, plan: str, email: str) -> None:
    """The signup, not yet paid, is for this plan and address."""
    await tx.execute("UPDATE signups SET plan = $2, email = $3 WHERE signup_id = $1", signup_id, plan, email)


async def note_return(pool: Pool, signup_id: str, state: str | None, now: datetime) -> None:
    """The person came back from paying, and billing said this (None: it did not answer)."""
    sql = "UPDATE signups SET returned_at = $2, checkout_state = $3 WHERE signup_id = $1"
    await pool.execute(f"{sql} AND checkout_state IS DISTINCT FROM 'paid'", signup_id, now, state)


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
    each = "SELECT signup_id FROM {} WHERE account_id = $1"
    sql = f"{each.format('signups')} UNION {each.format('journeys')} LIMIT 1"
    found: str | None = await tx.fetchval(sql, account_id)
    return found


async def say(tx: Transaction, ids: Ids, what: str, at: datetime, **facts: object) -> None:
    """Add to the signup's feed; its numbers have no gaps, because the journey's row is locked while one is taken."""
    revision = await tx.fetchval(
        "INSERT INTO journeys AS old (signup_id, account_id, grid_id, revision) VALUES ($1, $2, $3, 1) "
        "ON CONFLICT (signup_id) DO UPDATE SET grid_id = coalesce(excluded.grid_id, old.grid_id), "
        "revision = old.revision + 1 RETURNING revision",
        *ids,
    )
    text = msgspec.json.encode({"what": what, "at": at, **facts}).decode()
    await tx.execute("INSERT INTO feed VALUES ($1, $2, $3, $4)", ids[0], revision, what, text)
    await notify(tx, CHANNEL)


async def news_after(pool: Pool, seen: Mapping[str, int]) -> dict[str, list[News]]:
    """What was said about each of the signups since the revision that was seen, in order."""
    rows = await pool.fetch(
        "SELECT signup_id, revision, what, facts FROM unnest($1::uuid[], $2::bigint[]) AS seen (signup_id, after) "
        "JOIN feed USING (signup_id) WHERE revision > after ORDER BY signup_id, revision",
        list(seen),
        list(seen.values()),
    )
    found: dict[str, list[News]] = {}
    for row in rows:
        found.setdefault(row["signup_id"], []).append((row["revision"], row["what"], row["facts"]))
    return found


async def latest_revision(pool: Pool, signup_id: str) -> int:
    """The number of the last that was said about the signup; 0 while nothing was."""
    sql = "SELECT revision FROM journeys WHERE signup_id = $1"
    return int(await pool.fetchval(sql, signup_id) or 0)


async def journey(pool: Pool, signup: Signup) -> Said:
    """What events said of the signup, read at one moment."""
    rows = await pool.fetch(_JOURNEY, signup.signup_id, signup.account_id)
    is_told, letter = rows[0]["revision"] is not None, rows[0]["letter"]
    steps = [dict(row) for row in rows if row["step"] is not None]
    return dict(rows[0]) if is_told else {}, steps, {"state": letter} if letter else {}


async def may_reread(db: Pool | Transaction, letter_id: str, browser: bytes | None, since: datetime) -> bool | None:
    """None while the link is unused; else whether it was this browser that used it, not before ``since``."""
    sql = "SELECT reader IS NOT DISTINCT FROM $2 AND claimed_at > $3 FROM claims WHERE letter_id = $1"
    found: bool | None = await db.fetchval(sql, letter_id, browser, since)
    return found


async def burn(tx: Transaction, letter_id: str, account_id: str, reader: bytes, now: datetime) -> bool:
    """Use the link up; false when it was used before."""
    sql = "INSERT INTO claims VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
    return await tx.execute(sql, letter_id, account_id, reader, now) == "INSERT 0 1"
