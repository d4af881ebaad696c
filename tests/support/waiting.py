"""Waiting for something to become true, with a deadline and words for when it does not."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

_PAUSE = 0.02  # seconds


async def until(predicate: Callable[[], Any], *, within: float, what: str, pause: float = _PAUSE) -> Any:
    """The first true answer of `predicate` (plain or async). Fails with `what` after `within` seconds.

    An AssertionError or OSError of the predicate counts as "not yet" and is shown when the time is up.
    """
    deadline = time.monotonic() + within
    last: object = None
    while True:
        try:
            answer = predicate()
            value = await answer if inspect.isawaitable(answer) else answer
            if value:
                return value
            last = value
        except (AssertionError, OSError) as problem:
            last = problem
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {within:g} s (last answer: {last!r})")
        await asyncio.sleep(pause)
