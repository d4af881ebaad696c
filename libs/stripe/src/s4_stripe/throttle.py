"""One pace for all calls to Stripe of this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from s4_runtime import Clock


class Throttle:
    """At most ``in_flight`` calls at a time and ``per_second`` on average, with a burst of one second's worth."""

    def __init__(self, clock: Clock, *, per_second: float, in_flight: int) -> None:
        self._clock = clock
        self._gap = 1 / per_second
        self._slots = asyncio.Semaphore(in_flight)
        self._full_at = clock.monotonic()  # when the bucket will be full again if nobody takes a token

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a place and a token; hold the place meanwhile."""
        async with self._slots:
            now = self._clock.monotonic()
            self._full_at = max(self._full_at, now) + self._gap
            if (wait := self._full_at - now - 1.0) > 0:
                await self._clock.sleep(wait)
            yield
