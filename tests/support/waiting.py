"""Waiting for something to become true, with a deadline and words for when it does not."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_PAUSE = 0.02  # seconds


async def until(predicate: Callable[[], Awaitable[T]] | Callable[[], T], *, within: float, what: str) -> T:
    """The first true answer of `predicate` (plain or async). Fails with `what` after `within` seconds.

    An AssertionError or OSError of the predicate counts as "not yet" and is shown when the time is up.
    """
    deadline = time.monotonic() + within
    last: object = None
    while True:
        try:
            answer = predicate()
            value: T = await answer if inspect.isawaitable(answer) else answer
            if value:
                return value
            last = value
        except (AssertionError, OSError) as problem:
            last = problem
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {within:g} s (last answer: {last!r})")
        await asyncio.sleep(_PAUSE)
