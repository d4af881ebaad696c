"""Live status: every replica hears of every change, and every open stream wakes for its own."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from s4_runtime import last_success
from s4_store import DatabaseUnavailable, Pool, Wakeup
from s4_web import store

_LONGEST_SILENCE = 5.0  # seconds: a lost notification is made up for by looking


class Live:
    """One LISTEN connection for all streams of this replica. It holds nothing that a restart could lose."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._bells: dict[asyncio.Event, tuple[str, int]] = {}
        self._is_closing = False

    async def forever(self) -> None:
        """Ring for each change that a stream here has not yet told, wherever it was recorded."""
        async with Wakeup.listen(self._pool.url, store.CHANNEL) as wakeup:
            while True:
                await wakeup.wait(_LONGEST_SILENCE)
                try:
                    await self._ring()
                except DatabaseUnavailable:
                    continue
                last_success("web-live")

    async def _ring(self) -> None:
        told = dict(self._bells)
        latest = await store.revisions(self._pool, {signup for signup, _ in told.values()}) if told else {}
        for bell, (signup_id, revision) in told.items():
            if latest.get(signup_id, 0) > revision:
                bell.set()

    async def close(self, _app: web.Application) -> None:
        """End all streams, so that a stopping replica need not wait; browsers go to another one."""
        self._is_closing = True
        for bell in self._bells:
            bell.set()

    async def changes(self, signup_id: str, after: int, heartbeat: float) -> AsyncIterator[bytes]:
        """The stream's text: what happened since revision ``after``, then each change, and signs of life."""
        yield b"retry: 1000\n\n"
        bell = asyncio.Event()
        try:
            while not self._is_closing:
                bell.clear()
                self._bells[bell] = (signup_id, after)
                for after, what, facts in await store.feed_after(self._pool, signup_id, after):  # noqa: B020, PLR1704  on from there
                    yield f"id: {after}\nevent: {what}\ndata: {facts}\n\n".encode()
                self._bells[bell] = (signup_id, after)
                try:
                    async with asyncio.timeout(heartbeat):
                        await bell.wait()
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            self._bells.pop(bell, None)
