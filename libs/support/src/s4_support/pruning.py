"""What happened long ago is forgotten."""

from datetime import datetime

from s4_runtime import Clock, Temporary, get_logger, last_success
from s4_store import Pool
from s4_support.settings import Settings

_BATCH = 500  # rows in one statement, so that none holds locks for long
# An address goes with the last event of its account; ids go with what was last told of them.
_EVENTS = """
DELETE FROM events WHERE event_id = ANY (ARRAY (
    SELECT event_id FROM events WHERE occurred_at < $1 ORDER BY occurred_at LIMIT $2))
"""
_LINKS = """
DELETE FROM links WHERE (id, kind, account_id) IN (
    SELECT id, kind, account_id FROM links WHERE seen_at < $1 AND NOT EXISTS (
        SELECT FROM mentions WHERE mentions.kind = links.kind AND mentions.id = links.id) LIMIT $2)
"""
_ADDRESSES = """
DELETE FROM addresses WHERE (account_id, kind, folded) IN (
    SELECT account_id, kind, folded FROM addresses a WHERE since < $1 AND (
        NOT EXISTS (SELECT FROM mentions WHERE mentions.kind = 'account' AND mentions.id = a.account_id)
        OR a.kind = 'wanted'
        OR EXISTS (SELECT FROM addresses b WHERE b.account_id = a.account_id AND b.kind = 'own'
            AND b.since > a.since AND b.since < $1)) LIMIT $2)
"""
_SHORT_LIVED = (
    "DELETE FROM sessions WHERE began_at < $1",
    "DELETE FROM counters WHERE window_at < $1",
)


class Pruning:
    """Forgets, again and again."""

    def __init__(self, pool: Pool, settings: Settings, clock: Clock) -> None:
        self._pool, self._settings, self._clock = pool, settings, clock

    async def forever(self) -> None:
        """Forget at once and from time to time, until cancelled."""
        while True:
            try:
                await self.once()
            except Temporary as trouble:
                get_logger().warning("support.prune-failed", code=trouble.code)
            else:
                last_success("prune")
            await self._clock.sleep(self._settings.prune_every.total_seconds())

    async def once(self) -> int:
        """Nothing is left that is older than it may be. How many events were forgotten."""
        now = self._clock.now()
        horizon = now - self._settings.events_kept
        forgotten = await self._batches(_EVENTS, horizon)
        await self._batches(_LINKS, horizon)
        await self._batches(_ADDRESSES, horizon)
        await self._pool.execute("DELETE FROM deeds WHERE done_at < $1", horizon)
        await self._pool.execute("DELETE FROM dropped WHERE dropped_at < $1", now - self._settings.dropped_kept)
        await self._pool.execute("DELETE FROM confirmations WHERE ends_at < $1", now - self._settings.dropped_kept)
        sessions, counters = _SHORT_LIVED
        await self._pool.execute(sessions, now - self._settings.session_age)
        await self._pool.execute(counters, now - self._settings.limit_window)
        if forgotten:
            get_logger().info("support.forgotten", events=forgotten)
        return forgotten

    async def _batches(self, sql: str, horizon: datetime) -> int:
        gone = 0
        while True:
            tag = await self._pool.execute(sql, horizon, _BATCH)
            count = int(tag.rpartition(" ")[2])
            gone += count
            if count < _BATCH:
                return gone
