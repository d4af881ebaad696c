"""Time for billing: the machine's, as far ahead as the world's. Nobody sleeps; a look at it may be the last deed."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from s4_runtime import SystemClock
from support.histories.inner_stripe import InnerStripe


class SharedClock(SystemClock):
    """Given to a service whose Stripe is in this process."""

    def __init__(self, stripe: InnerStripe) -> None:
        self._world = stripe.world
        self._readings = 0
        self._victim: asyncio.Task[Any] | None = None

    def now(self) -> datetime:
        self._read()
        return super().now() + timedelta(seconds=self._world.clock._ahead)

    def monotonic(self) -> float:
        self._read()
        return super().monotonic()

    async def sleep(self, seconds: float) -> None:  # noqa: ARG002  however long it would be
        await asyncio.sleep(0)

    async def cut(self, work: Coroutine[Any, Any, object], readings: int) -> None:
        """Do the work, but end it when it looks at the clock for the so many-th time, as sudden as a process dies."""
        self._victim, self._readings = asyncio.create_task(work), readings
        with suppress(asyncio.CancelledError):
            await self._victim
        self._victim = None

    def _read(self) -> None:
        if self._victim is None:
            return
        self._readings -= 1
        if self._readings == 0:
            self._victim.cancel()
