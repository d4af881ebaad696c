"""Connections to the service's own database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from random import SystemRandom
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from s4_runtime import Backoff, Secret, Temporary, outages
from s4_store.errors import DatabaseTimeout, DatabaseUnavailable, database_errors
from s4_store.metrics import Use
from s4_store.reason import explained
from s4_store.transaction import Transaction

_CONNECT_TIMEOUT = timedelta(seconds=10)
_STATEMENT_TIMEOUT = timedelta(seconds=60)
_PATIENCE = timedelta(seconds=60)
_ACQUIRE_TIMEOUT = timedelta(seconds=10)
PART = "database"
_BACKOFF = Backoff(base=timedelta(milliseconds=200), cap=timedelta(seconds=5))


class Pool:
    """Survives a restart of the database: what was in the middle fails (DatabaseUnavailable), later calls reconnect."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], url: Secret, acquire_timeout: timedelta) -> None:
        self._pool = pool
        self._acquire_timeout = acquire_timeout.total_seconds()
        self._use = Use(pool)
        self.url = url

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: Secret | str,
        *,
        min_size: int = 1,
        max_size: int = 16,
        patience: timedelta = _PATIENCE,
        acquire_timeout: timedelta = _ACQUIRE_TIMEOUT,
    ) -> AsyncIterator[Pool]:
        """A pool that has reached the database once. Raises DatabaseUnavailable after ``patience``.

        Columns of type uuid arrive as str, as all our ids are.
        """
        # asyncpg tells of every attempt to connect again, with a stack. We tell of each change, once.
        logging.getLogger("asyncpg").setLevel(logging.CRITICAL)
        secret = url if isinstance(url, Secret) else Secret(url)
        inner = await _reach(secret, min_size, max_size, patience)
        try:
            yield cls(inner, secret, acquire_timeout)
        finally:
            try:
                async with asyncio.timeout(_CONNECT_TIMEOUT.total_seconds()):
                    await inner.close()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                inner.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Commits when the block returns, events emitted in it included; any error undoes all of it."""
        connection = await self._acquire(self._acquire_timeout)
        try:
            with database_errors():
                inner = connection.transaction()
                await inner.start()
            tx = Transaction(connection)
            try:
                yield tx
                await tx.post()
            except BaseException:  # cancelled too: nothing stays half done; it goes on to the caller
                with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await inner.rollback()
                raise
            with database_errors():
                await inner.commit()
        finally:
            with database_errors():
                await self._pool.release(connection)

    async def _acquire(self, seconds: float | None) -> PoolConnectionProxy[asyncpg.Record]:
        try:
            with database_errors(), self._use.waiting():
                return await self._pool.acquire(timeout=seconds)
        except DatabaseTimeout:
            raise DatabaseUnavailable from None

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[PoolConnectionProxy[asyncpg.Record]]:
        """A connection for one statement, for which a caller waits as long as it takes."""
        connection = await self._acquire(None)
        try:
            with database_errors():
                yield connection
        finally:
            with database_errors():
                await self._pool.release(connection)

    async def execute(self, sql: str, *args: object) -> str:
        """Run one statement in a transaction of its own; the command tag."""
        async with self._connection() as connection:
            return await connection.execute(sql, *args)

    async def fetch(self, sql: str, *args: object) -> list[asyncpg.Record]:
        """All rows of a single read."""
        async with self._connection() as connection:
            return await connection.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: object) -> asyncpg.Record | None:
        """The first row of a single read, if any."""
        async with self._connection() as connection:
            return await connection.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: object) -> Any:
        """The first column of the first row of a single read, or None."""
        async with self._connection() as connection:
            return await connection.fetchval(sql, *args)

    async def is_reachable(self) -> bool:
        """Whether the database answers now. Why it does not is logged and told once it changes."""
        try:
            async with asyncio.timeout(2):
                answers = bool(await self.fetchval("select true"))
            outages.tell(PART, None)
        except TimeoutError:
            outages.tell(PART, DatabaseTimeout())
            return False
        except Temporary as trouble:
            outages.tell(PART, await explained(trouble, self.url))
            return False
        return answers


async def _reach(url: Secret, min_size: int, max_size: int, patience: timedelta) -> asyncpg.Pool[asyncpg.Record]:
    loop = asyncio.get_running_loop()
    deadline, attempt, random = loop.time() + patience.total_seconds(), 0, SystemRandom()
    while True:
        try:
            with database_errors():
                pool = await asyncpg.create_pool(
                    url.reveal(),
                    min_size=min_size,
                    max_size=max_size,
                    timeout=_CONNECT_TIMEOUT.total_seconds(),
                    command_timeout=_STATEMENT_TIMEOUT.total_seconds(),
                    init=_ids_are_text,
                    reset=_as_it_is,
                )
            outages.tell(PART, None)
            return pool
        except (DatabaseUnavailable, DatabaseTimeout) as trouble:
            attempt += 1
            why = await explained(trouble, url)
            if loop.time() > deadline:
                raise why from None
            outages.tell(PART, why)
            await asyncio.sleep(_BACKOFF.delay(attempt, random).total_seconds())


async def _ids_are_text(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    await connection.set_type_codec("uuid", schema="pg_catalog", encoder=str, decoder=str, format="text")


async def _as_it_is(_connection: object) -> None:
    """No question to the server when a connection goes back: nothing of ours outlives its transaction."""
