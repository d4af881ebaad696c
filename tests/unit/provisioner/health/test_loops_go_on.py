import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from s4_provisioner.health.run import repeat, repeat_all
from s4_runtime import SystemClock, Temporary

PAUSE = timedelta(hours=1)


class Rounds:
    """Rounds that end as given, and then go on for ever."""

    def __init__(self, *endings: bool | Exception) -> None:
        self._endings: Iterator[bool | Exception] = iter(endings)
        self.done = 0
        self.are_over = asyncio.Event()

    async def __call__(self) -> bool:
        self.done += 1
        ending = next(self._endings, None)
        if ending is None:
            self.are_over.set()
            await asyncio.get_running_loop().create_future()
        if isinstance(ending, Exception):
            raise ending
        return bool(ending)


class QuickClock(SystemClock):
    """Nobody waits."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


def failures(loop: str, code: str) -> float:
    return REGISTRY.get_sample_value("s4_loop_failures_total", {"loop": loop, "code": code}) or 0.0


async def ran(rounds: Rounds, clock: QuickClock) -> None:
    task = asyncio.create_task(repeat("a-loop", rounds, PAUSE, clock))
    async with asyncio.timeout(5):
        await rounds.are_over.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("ending", "code"), [(Temporary("database-unavailable"), "database-unavailable"), (ValueError("x"), "unexpected")]
)
async def test_a_round_that_fails_is_counted_and_followed_by_another(ending: Exception, code: str) -> None:
    before, rounds, clock = failures("a-loop", code), Rounds(ending, False), QuickClock()

    await ran(rounds, clock)

    assert failures("a-loop", code) == before + 1
    assert (rounds.done, clock.waits) == (3, [PAUSE.total_seconds()] * 2)


async def test_while_there_is_more_to_do_nobody_waits() -> None:
    rounds, clock = Rounds(True, True, False), QuickClock()

    await ran(rounds, clock)

    assert len(clock.waits) == 1
    assert REGISTRY.get_sample_value("s4_loop_last_success_timestamp_seconds", {"loop": "a-loop"})


async def test_one_loops_trouble_is_not_anothers() -> None:
    first, second, clock = Rounds(ValueError("x"), ValueError("x")), Rounds(), QuickClock()
    task = asyncio.create_task(repeat_all({"first": (first, PAUSE), "second": (second, PAUSE)}, clock))

    async with asyncio.timeout(5):
        await first.are_over.wait()
        await second.are_over.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert first.done == 3
