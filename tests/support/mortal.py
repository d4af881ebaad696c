"""A replica of the invite agent that dies in the middle of a handshake: nothing of it reaches the database any more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from s4_store import DatabaseUnavailable, Pool, Record, Transaction


class MortalPool(Pool):
    """Dies at the nth thing that a session says to the database: an odd n before it is said, an even n after it.

    After n, 2k-1 and 2k are the kth thing: the mailbox is open; the guess is on record; the furl's reference is read;
    the settings may leave; the invite has ended.
    """

    def __init__(self, pool: Pool, dies_at: int) -> None:
        super().__init__(pool._pool, pool.url, timedelta(seconds=pool._acquire_timeout))
        self._left = dies_at
        self.is_dead = False

    def _pass(self) -> None:
        task = asyncio.current_task()
        if not self.is_dead and task is not None and task.get_name().startswith("invite "):
            self._left -= 1
            self.is_dead = self._left == 0
        if self.is_dead:
            raise DatabaseUnavailable

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        self._pass()
        async with super().transaction() as tx:
            yield tx
        self._pass()

    async def execute(self, sql: str, *args: object) -> str:
        self._pass()
        tag = await super().execute(sql, *args)
        self._pass()
        return tag

    async def fetchrow(self, sql: str, *args: object) -> Record | None:
        self._pass()
        row = await super().fetchrow(sql, *args)
        self._pass()
        return row

    async def fetch(self, sql: str, *args: object) -> list[Record]:
        if self.is_dead:
            raise DatabaseUnavailable
        return await super().fetch(sql, *args)


LAST_DEATH = 10
