"""For tests only: a clock that stands still."""

import asyncio
from datetime import UTC, datetime, timedelta


class ManualClock:
    """A clock that moves when it is told to; who sleeps on it wakes when enough time was let pass."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)
        self._elapsed = 0.0
        self._moved = asyncio.Condition()

    def now(self) -> datetime:
        """The time that the test last set."""
        return self._now

    def monotonic(self) -> float:
        """Seconds advanced so far."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Return once the test has advanced by ``seconds``."""
        until = self._elapsed + seconds
        async with self._moved:
            await self._moved.wait_for(lambda: self._elapsed >= until)

    async def advance(self, by: timedelta) -> None:
        """Let time pass, and wake who waited for it."""
        async with self._moved:
            self._now += by
            self._elapsed += by.total_seconds()
            self._moved.notify_all()
