"""Limits that all replicas share, because they are counted in the database."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from s4_runtime import Secret
from s4_store import Transaction


def subject(key: Secret, kind: str, text: str) -> str:
    """A name for what is counted, from which nobody without the key learns the address."""
    digest = hmac.new(key.reveal().encode(), f"limit:{kind}:{text}".encode(), hashlib.sha256)
    return f"{kind}:{digest.hexdigest()[:32]}"


def window_of(now: datetime, length: timedelta) -> datetime:
    """The beginning of the window that ``now`` is in."""
    seconds = length.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)


async def use(tx: Transaction, name: str, limit: int, length: timedelta, now: datetime) -> bool:
    """Count one use; true while there were at most ``limit`` in this window."""
    window = window_of(now, length)
    uses = await tx.fetchval(
        "INSERT INTO counters (subject, window_at, uses) VALUES ($1, $2, 1) "
        "ON CONFLICT (subject, window_at) DO UPDATE SET uses = counters.uses + 1 RETURNING uses",
        name,
        window,
    )
    if uses == 1:
        await tx.execute("DELETE FROM counters WHERE window_at < $1", window - length)
    return bool(uses <= limit)
