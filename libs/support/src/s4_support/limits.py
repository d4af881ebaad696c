"""How often something may be done; counted in the database, so that all replicas share it."""

from datetime import UTC, datetime

from s4_store import Transaction
from s4_support.security import sign
from s4_support.site import Site

_USE = """
INSERT INTO counters (subject, window_at, uses) VALUES ($1, $2, 1)
ON CONFLICT (subject, window_at) DO UPDATE SET uses = counters.uses + 1 RETURNING uses
"""


async def use(tx: Transaction, site: Site, kind: str, whose: str, limit: int) -> bool:
    """Count one use; true while there were at most ``limit`` in this window. Whose it is is kept as a hash."""
    uses = await tx.fetchval(_USE, _subject(site, kind, whose), _window(site))
    return bool(uses <= limit)


async def forget(tx: Transaction, site: Site, kind: str, whose: str) -> None:
    """Uses of this window do not count any more."""
    sql = "DELETE FROM counters WHERE subject = $1 AND window_at = $2"
    await tx.execute(sql, _subject(site, kind, whose), _window(site))


def _subject(site: Site, kind: str, whose: str) -> str:
    return f"{kind}:{sign(site, 'limit', whose).hex()}"


def _window(site: Site) -> datetime:
    seconds = site.settings.limit_window.total_seconds()
    return datetime.fromtimestamp(site.clock.now().timestamp() // seconds * seconds, UTC)
