"""Work that a stop does not cut off."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def finishing(work: Awaitable[T]) -> T:
    """What the work comes to. Cancelled meanwhile, this ends when the work has ended: a drain has time for that.

    For work under a lease whose parts cannot be undone: what is dropped in the middle waits until its lease is over.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
