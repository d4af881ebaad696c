"""How long a chain of calls may take, waits included."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from s4_aws.trouble import OutOfTime

# A caller who says nothing waits this long for its turn, no longer.
DEFAULT_SECONDS = 30.0
_ends: ContextVar[float | None] = ContextVar("s4_aws_budget_ends", default=None)


@asynccontextmanager
async def budget(seconds: float) -> AsyncIterator[None]:
    """All calls to AWS inside take no longer than this together. Raises OutOfTime. The smallest of several holds."""
    now = asyncio.get_running_loop().time()
    outer = _ends.get()
    end = now + seconds if outer is None else min(outer, now + seconds)
    token, limit = _ends.set(end), asyncio.timeout_at(end)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise OutOfTime("aws-out-of-time") from None
    finally:
        _ends.reset(token)


def patience() -> float:
    """Seconds that the present chain of calls may still wait."""
    end = _ends.get()
    return DEFAULT_SECONDS if end is None else max(0.0, end - asyncio.get_running_loop().time())
