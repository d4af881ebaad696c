"""Events that have had their effect: what makes a second delivery harmless."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s4_store.pool import Pool
    from s4_store.transaction import Transaction

# As long as support shows events. An event that is older is not handled at all (s4_bus): nobody knows any more whether
# it was. What comes again by itself is minutes old, or seven days after a restore.
KEPT = timedelta(days=400)
_LONGER = timedelta(days=7)  # clocks differ, and an event was emitted before it was handled
_AT_ONCE = 10_000

# In one order for everybody, so that two transactions with the same ids wait for each other instead of deadlocking.
_ADMIT = (
    "insert into inbox (id) select id from unnest($1::uuid[]) as n (id) order by id on conflict do nothing returning id"
)

_PRUNE = """
delete from inbox where ctid = any(array(
    select ctid from inbox where handled_at < clock_timestamp() - $1::interval limit $2
))
"""


async def admit(tx: Transaction, ids: Sequence[str]) -> set[str]:
    """Those of ``ids`` that had no effect before; they count as handled if ``tx`` commits.

    Waits for another transaction that is handling one of them at this moment.
    """
    return {row["id"] for row in await tx.fetch(_ADMIT, list(ids))}


async def prune(pool: Pool) -> int:
    """Ids of events that no copy is handled of any more are gone. How many."""
    gone = 0
    while True:
        tag = await pool.execute(_PRUNE, KEPT + _LONGER, _AT_ONCE)
        found = int(tag.rpartition(" ")[2])
        gone += found
        if found < _AT_ONCE:
            return gone
