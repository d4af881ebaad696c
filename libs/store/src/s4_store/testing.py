"""For tests only: reading what a service would publish."""

from s4_contracts import Event, decode
from s4_store.pool import Pool


async def emitted(pool: Pool) -> list[Event]:
    """Every event in the outbox, sent or not, in the order of emission."""
    rows = await pool.fetch("select type, body from outbox order by seq")
    return [decode(row["body"].encode(), row["type"]) for row in rows]
