"""Events that have had their effect: what makes a second delivery harmless."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s4_store.transaction import Transaction

# In one order for everybody, so that two transactions with the same ids wait for each other instead of deadlocking.
_ADMIT = (
    "insert into inbox (id) select id from unnest($1::uuid[]) as n (id) order by id on conflict do nothing returning id"
)


async def admit(tx: Transaction, ids: Sequence[str]) -> set[str]:
    """Those of ``ids`` that had no effect before; they count as handled if ``tx`` commits.

    Waits for another transaction that is handling one of them at this moment.
    """
    return {row["id"] for row in await tx.fetch(_ADMIT, list(ids))}
