"""Runs the loops of health: each for itself, for ever, whatever happens in one of them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from s4_provisioner.error_place import error_place
from s4_runtime import LOOP_FAILURES, Clock, Temporary, get_logger, last_success

Round = Callable[[], Awaitable[bool]]


class Seldom:
    """For what a loop does not have to do in each of its rounds."""

    def __init__(self, clock: Clock, every: timedelta = timedelta(seconds=10)) -> None:
        self._clock, self._every = clock, every
        self._last: datetime | None = None

    def is_due(self) -> bool:
        """Whether it is time again; True once each time."""
        now = self._clock.now()
        if self._last is not None and now - self._last < self._every:
            return False
        self._last = now
        return True


async def repeat(loop: str, one_round: Round, pause: timedelta, clock: Clock) -> None:
    """One round after the other, at once while there is more to do; after trouble, too, the next one comes."""
    while True:
        try:
            goes_on = await one_round()
        except Temporary as trouble:
            LOOP_FAILURES.labels(loop, trouble.code).inc()
            goes_on = False
        except Exception as error:  # noqa: BLE001  one round's trouble is not the next one's
            get_logger().error("loop.broke", loop=loop, error=error_place(error))
            LOOP_FAILURES.labels(loop, "unexpected").inc()
            goes_on = False
        else:
            last_success(loop)
        if not goes_on:
            await clock.sleep(pause.total_seconds())


async def repeat_all(rounds: Mapping[str, tuple[Round, timedelta]], clock: Clock) -> None:
    """All of the loops."""
    async with asyncio.TaskGroup() as loops:
        for name, (one_round, pause) in rounds.items():
            loops.create_task(repeat(name, one_round, pause, clock))
