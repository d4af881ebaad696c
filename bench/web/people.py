"""Who uses the site of the bench: very many whose grids are ready, and some whose grids are half made."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from s4_runtime import new_id

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

STEPS = ("identity", "bucket", "credentials", "host", "boot", "node", "dns", "proof")


async def finished(connection: Connection, count: int) -> None:
    """Grids that were made within the last twenty days, with their steps, their feeds and their letters."""
    await connection.execute(
        "INSERT INTO journeys (signup_id, account_id, revision, bought_plan, paid_at, ready_at, issued_at, written_at) "
        "SELECT gen_random_uuid(), gen_random_uuid(), 20, 'personal', at, at + '20 s', at + '20 s', at + '21 s' FROM "
        "(SELECT now() - number * interval '86 s' AS at FROM generate_series(1, $1::int) AS number) each",
        count,
    )
    await connection.execute(
        "INSERT INTO steps (signup_id, step, position, state, attempt, seconds, began_at, said_at) "
        "SELECT signup_id, step, place, 'done', 1, 2.5, paid_at, ready_at "
        "FROM journeys, unnest($1::text[]) WITH ORDINALITY each (step, place)",
        list(STEPS),
    )
    await connection.execute(
        "INSERT INTO feed SELECT signup_id, number, 'step', '{}' FROM journeys, generate_series(1, 20) AS number"
    )
    await connection.execute("VACUUM ANALYZE")


async def browsers(connection: Connection, count: int) -> list[tuple[str, str]]:
    """So many people who have paid, and whose grid is half made: their cookies and their signups."""
    people = [(secrets.token_urlsafe(32), new_id()) for _ in range(count)]
    keys = [hashlib.sha256(cookie.encode()).digest() for cookie, _ in people]
    now = datetime.now(UTC)
    await connection.executemany("INSERT INTO browsers VALUES ($1, $2)", [(key, now) for key in keys])
    await connection.executemany(
        "INSERT INTO signups (signup_id, account_id, browser, plan, email, created_at) "
        "VALUES ($1, $2, $3, 'personal', 'ada@example.com', $4)",
        [(signup, new_id(), key, now) for (_, signup), key in zip(people, keys, strict=True)],
    )
    return people


async def half_made(connection: Connection, signups: list[str]) -> None:
    now = datetime.now(UTC)
    paid = now - timedelta(seconds=9)
    await connection.executemany(
        "INSERT INTO journeys (signup_id, account_id, revision, bought_plan, paid_at) "
        "SELECT signup_id, account_id, 1, plan, $2 FROM signups WHERE signup_id = $1",
        [(signup, paid) for signup in signups],
    )
    await connection.executemany("INSERT INTO feed VALUES ($1, 1, 'paid', '{}')", [(signup,) for signup in signups])
    states = [
        (step, place, "done" if place < 4 else "started", 2.0 if place < 4 else None)
        for place, step in enumerate(STEPS[:4], start=1)
    ]
    await connection.executemany(
        "INSERT INTO steps (signup_id, step, position, state, seconds, attempt, began_at, said_at) "
        "VALUES ($1, $2, $3, $4, $5, 1, $6, $6)",
        [(signup, *state, paid) for signup in signups for state in states],
    )
