"""A broker that takes nothing because its memory or disk is short is waited for, and not told the same again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import aiormq

from s4_runtime import Temporary, outages

_LOOK = timedelta(seconds=1)


class Alarm:
    """Whether the broker has blocked this connection. It says so to who publishes, and answers when it is over."""

    def __init__(self, part: str, raw: aiormq.Channel) -> None:
        self._part = part
        self._connection = raw.connection
        self._limits: set[asyncio.Timeout] = set()

    @asynccontextmanager
    async def limit(self, lasting: timedelta) -> AsyncIterator[None]:
        """TimeoutError after so long without an alarm.

        A connection that is given up while it is blocked would be followed by another, on which all is published again.
        """
        async with asyncio.timeout(lasting.total_seconds()) as limit:
            self._limits.add(limit)
            try:
                yield
            finally:
                self._limits.discard(limit)

    async def watch(self) -> None:
        """As long as there is an alarm, it is told and nobody's time runs out. Ends by cancellation."""
        loop = asyncio.get_running_loop()
        was = loop.time()
        while True:
            await asyncio.sleep(_LOOK.total_seconds())
            now = loop.time()
            if await self._is_on():
                outages.tell(self._part, Temporary("bus-blocked"))
                for limit in self._limits:
                    if (until := limit.when()) is not None:
                        limit.reschedule(until + now - was)
            else:
                outages.tell(self._part, None)
            was = now

    async def _is_on(self) -> bool:
        try:
            async with asyncio.timeout(0.01):
                await self._connection.ready()
        except TimeoutError:
            return True
        return False
