"""LISTEN and NOTIFY: waking a loop that would otherwise poll."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import asyncpg

from s4_runtime import Secret
from s4_store.transaction import Transaction

_CONNECT_TIMEOUT = timedelta(seconds=10)


async def notify(tx: Transaction, channel: str, payload: str = "") -> None:
    """Whoever listens on the channel wakes when, and only if, ``tx`` commits."""
    await tx.execute("select pg_notify($1, $2)", channel, payload)


class Wakeup:
    """A hint, not a promise: without a connection it is a timer, and it reconnects by itself."""

    def __init__(self, url: Secret, channel: str) -> None:
        self._url = url
        self._channel = channel
        self._woken = asyncio.Event()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    @classmethod
    @asynccontextmanager
    async def listen(cls, url: Secret | str, channel: str) -> AsyncIterator[Wakeup]:
        """Listens on a connection of its own until the block ends."""
        wakeup = cls(url if isinstance(url, Secret) else Secret(url), channel)
        try:
            await wakeup._connect()
            yield wakeup
        finally:
            await wakeup._disconnect()

    async def wait(self, timeout: timedelta | float) -> bool:  # noqa: ASYNC109  a wait that ends early is the point
        """True as soon as there was a notification since the last wait; False after ``timeout`` (seconds).

        Also True after a reconnection, because notifications may have been missed meanwhile.
        """
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        if (self._connection is None or self._connection.is_closed()) and await self._connect():
            self._woken.set()
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True

    async def _connect(self) -> bool:
        await self._disconnect()
        with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._connection = connection = await asyncpg.connect(
                self._url.reveal(), timeout=_CONNECT_TIMEOUT.total_seconds()
            )
            connection.add_termination_listener(lambda _connection: self._woken.set())
            await connection.add_listener(self._channel, lambda *_notification: self._woken.set())
            return True
        return False

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            connection.terminate()
