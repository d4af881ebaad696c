"""Waiting for the end."""

import asyncio


async def forever() -> None:
    """Never return; end by cancellation."""
    await asyncio.get_running_loop().create_future()
