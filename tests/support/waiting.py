"""Waiting for something to become true, with a deadline and words for when it does not."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

_PAUSE, _LONGEST = 0.02, 0.2  # seconds
_PART = 0.1  # of the time that was waited already: looking costs what is being waited for its processor


async def until(predicate: Callable[[], Any], *, within: float, what: str, pause: float = _PAUSE) -> Any:
    """The first true answer of `predicate` (plain or async). Fails with `what` after `within` seconds.

    An AssertionError or OSError of the predicate counts as "not yet" and is shown when the time is up. The longer it
    takes, the more seldom the predicate is asked.
    """
    began = time.monotonic()
    deadline = began + within
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
        now = time.monotonic()
        if now > deadline:
            raise AssertionError(f"{what}: not within {within:g} s (last answer: {last!r})")
        await asyncio.sleep(max(pause, min((now - began) * _PART, _LONGEST)))
