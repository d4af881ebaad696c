"""One open transaction: rows, inbox and outbox commit together or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from s4_contracts import Event
from s4_store import outbox
from s4_store.errors import database_errors


class Transaction:
    """What a handler is given. It ends with the block that opened it: commit on return, rollback on any error."""

    def __init__(self, connection: PoolConnectionProxy[asyncpg.Record]) -> None:
        self._connection = connection
        self._emitted: list[outbox.Letter] = []

    async def execute(self, sql: str, *args: object) -> str:
        """Run it; the command tag, such as ``UPDATE 1``."""
        with database_errors():
            return await self._connection.execute(sql, *args)

    async def executemany(self, sql: str, args: Sequence[Sequence[object]]) -> None:
        """Run it once for each of ``args``."""
        with database_errors():
            await self._connection.executemany(sql, args)

    async def fetch(self, sql: str, *args: object) -> list[asyncpg.Record]:
        """All rows."""
        with database_errors():
            return await self._connection.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: object) -> asyncpg.Record | None:
        """The first row, if any."""
        with database_errors():
            return await self._connection.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: object) -> Any:
        """The first column of the first row, or None."""
        with database_errors():
            return await self._connection.fetchval(sql, *args)

    async def emit(self, event: Event, *, key: str | None = None) -> str:
        """The event is published after, and only if, this transaction commits. Its id.

        With a ``key``, an event of this type is emitted once for ever under that key; later calls change nothing.
        """
        letter = outbox.compose(event, key)
        self._emitted.append(letter)
        return letter.id

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """An error that leaves the block undoes only what the block did, emitted events included."""
        emitted = len(self._emitted)
        try:
            async with self._connection.transaction():
                yield
        except BaseException:
            del self._emitted[emitted:]
            raise

    async def post(self) -> None:
        """Write the emitted events to the outbox. Whoever opened the transaction does this last."""
        letters, self._emitted = self._emitted, []
        if letters:
            await outbox.append(self, letters)
