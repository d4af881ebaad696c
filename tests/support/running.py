"""Loops that run while a test does something."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def running(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """The loops run until the block ends, and have drained after it. A loop that failed fails the test."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=20)
    for task in tasks:
        assert task.done(), f"{task} did not drain"
        if not task.cancelled() and (failure := task.exception()):
            raise failure
