"""Who reads the letters: their addresses, their language, what they want, and what reaches them."""

from datetime import datetime

from s4_contracts.ids import AccountId, GridId
from s4_store import Transaction

_LEARN = """
INSERT INTO addressees AS old VALUES ($1, $2, $3) ON CONFLICT (account_id)
DO UPDATE SET email = excluded.email, told_at = excluded.told_at WHERE excluded.told_at >= old.told_at
RETURNING true
"""
_LANGUAGE = """
INSERT INTO readers AS old (account_id, language, language_at) VALUES ($1, $2, $3) ON CONFLICT (account_id)
DO UPDATE SET language = excluded.language, language_at = excluded.language_at
WHERE excluded.language_at >= old.language_at
"""
_OPTIONAL = """
INSERT INTO readers AS old (account_id, wants_optional, optional_at) VALUES ($1, $2, $3) ON CONFLICT (account_id)
DO UPDATE SET wants_optional = excluded.wants_optional, optional_at = excluded.optional_at
WHERE excluded.optional_at >= old.optional_at
"""


async def learn_address(tx: Transaction, account: AccountId, email: str, told_at: datetime, now: datetime) -> None:
    """Letters to the account go to this address, unless a newer one is known; those that waited for one are due."""
    await tx.fetchval(_LEARN, account, email, told_at)
    sql = "UPDATE letters SET due_at = $2 WHERE account_id = $1 AND state = 'owed' AND issued_at <= $2"
    await tx.execute(sql, account, now)


async def address_of(tx: Transaction, account: AccountId) -> str | None:
    """Where the account's letters go now."""
    found: str | None = await tx.fetchval("SELECT email FROM addressees WHERE account_id = $1", account)
    return found


async def choose_language(tx: Transaction, account: AccountId, language: str, at: datetime) -> None:
    """Letters are in this language, unless another was chosen later."""
    await tx.execute(_LANGUAGE, account, language, at)


async def choose_optional(tx: Transaction, account: AccountId, at: datetime, *, wanted: bool) -> None:
    """Letters that can be done without are sent or not, unless something else was chosen later."""
    await tx.execute(_OPTIONAL, account, wanted, at)


async def mark_undeliverable(tx: Transaction, email: str, code: str, now: datetime) -> None:
    """Only letters that matter are tried there from now on."""
    sql = "INSERT INTO undeliverable VALUES (lower($1), $2, $3) ON CONFLICT (email) DO NOTHING"
    await tx.execute(sql, email, code, now)


async def note_taken(tx: Transaction, email: str) -> None:
    """A mail server takes what it had refused at its door. That says nothing against what came back later."""
    await tx.execute("DELETE FROM undeliverable WHERE email = lower($1) AND code NOT LIKE '%.%'", email)


async def mark_deliverable(tx: Transaction, email: str) -> None:
    """Somebody has shown that they read what is sent there."""
    await tx.execute("DELETE FROM undeliverable WHERE email = lower($1)", email)


async def mark_claimed(tx: Transaction, grid: GridId, at: datetime) -> None:
    """The owner, or a client of theirs, has the grid's furl."""
    await tx.execute("INSERT INTO claims VALUES ($1, $2) ON CONFLICT (grid_id) DO NOTHING", grid, at)
