"""Work that one replica at a time may do, for a limited time."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import asyncpg

from s4_runtime import Temporary
from s4_store.pool import Pool
from s4_store.transaction import Transaction

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")


class LeaseLost(Temporary):
    """The row is no longer mine: the lease ended and somebody else may have it. Drop the result."""

    def __init__(self) -> None:
        super().__init__("lease-lost")


class Leases:
    """Leases on rows of a table with the columns due_at, lease_token, lease_until and attempts.

    A row is due when ``due_at`` has passed and nobody holds it; ``due_at`` null means that nothing is to be done.
    """

    def __init__(self, *, table: str, key: str) -> None:
        if not (_IDENTIFIER.fullmatch(table) and _IDENTIFIER.fullmatch(key)):
            raise ValueError("table and key are plain SQL names")
        mine = f"from {table} where {key} = $1 and lease_token = $2"
        free = "lease_token = null, lease_until = null"
        self._claim = f"""
            with due as materialized (
                select {key} from {table}
                where due_at <= $1 and (lease_until is null or lease_until <= $1)
                order by due_at limit $2 for no key update skip locked
            )
            update {table} set lease_token = gen_random_uuid(), lease_until = $1::timestamptz + $3::interval,
                attempts = attempts + 1
            from due where {table}.{key} = due.{key} returning {table}.*
        """  # noqa: S608  as above
        self._hold = f"select 1 {mine} for no key update"
        self._extend = (
            f"update {table} set lease_until = $3::timestamptz + $4::interval where {key} = $1 and lease_token = $2"  # noqa: S608  as above
        )
        self._end = f"update {table} set {free} where {key} = $1 and lease_token = $2"  # noqa: S608  as above
        self._release = f"update {table} set {free}, due_at = $3 where {key} = $1 and lease_token = $2"  # noqa: S608  as above

    async def claim(self, pool: Pool, limit: int, ttl: timedelta, now: datetime) -> list[asyncpg.Record]:
        """Up to ``limit`` due rows, longest due first, mine for ``ttl``. No two claimers hold the same row.

        ``attempts`` counts the claims, this one included, also those that ended in a crash: set it to 0 on progress.
        """
        async with pool.transaction() as tx:
            rows = await tx.fetch(self._claim, now, limit, ttl)
        return sorted(rows, key=lambda row: row["due_at"])

    async def extend(self, pool: Pool, key: str, token: str, ttl: timedelta, now: datetime) -> bool:
        """The row is mine for ``ttl`` from now; False when it is not mine any more."""
        return await pool.execute(self._extend, key, token, now, ttl) == "UPDATE 1"

    @asynccontextmanager
    async def apply(self, pool: Pool, key: str, token: str, *, keep: bool = False) -> AsyncIterator[Transaction]:
        """A transaction in which the row is mine and locked. It ends the lease, unless it is to ``keep`` it.

        The block says when the row is due again (``due_at``, null for never). Raises LeaseLost, and changes nothing,
        when the row is not mine any more.
        """
        async with pool.transaction() as tx:
            if await tx.fetchval(self._hold, key, token) is None:
                raise LeaseLost
            yield tx
            if not keep:
                await tx.execute(self._end, key, token)

    async def release(self, pool: Pool, key: str, token: str, due_at: datetime | None) -> bool:
        """The row is free and due at ``due_at``; False when it was not mine any more."""
        return await pool.execute(self._release, key, token, due_at) == "UPDATE 1"
