"""Live status: every replica hears of every change, and every open stream wakes for its own."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta

import msgspec
from aiohttp import web

from s4_runtime import last_success
from s4_store import DatabaseUnavailable, Pool, Wakeup
from s4_web import store
from s4_web.streams import Streams
from s4_web.usual import UsualTimes

_LONGEST_SILENCE = 5.0  # seconds: a lost notification is made up for by looking
_BREATH = 0.05  # seconds: of many changes at once, some are told together
# Both have empty data, so that a browser dispatches them, and no id, so that it goes on from where it was.
_BEAT = b"event: beat\ndata\n\n"
_REST = b"event: rest\ndata\n\n"


class Manner(msgspec.Struct, frozen=True):
    """How streams are kept: a sign of life after ``heartbeat``, the end after ``quiet`` without any change."""

    heartbeat: timedelta
    quiet: timedelta


class Stream:
    """What one open stream has told, and has to tell."""

    def __init__(self, signup_id: str, after: int) -> None:
        self.signup_id, self.after = signup_id, after
        self.bell = asyncio.Event()
        self._news: Sequence[store.News] = ()

    def hears(self, news: Sequence[store.News]) -> None:
        """There is more to tell. What was told already may be among it."""
        self._news = news
        self.bell.set()

    def words(self) -> bytes:
        """All that was not told yet, each once and in order; after this it is."""
        self.bell.clear()
        news, self._news = [each for each in self._news if each[0] > self.after], ()
        if news:
            self.after = news[-1][0]
        return b"".join(f"id: {number}\nevent: {what}\ndata: {facts}\n\n".encode() for number, what, facts in news)


class Live:
    """One LISTEN connection for all streams of this replica. It holds nothing that a restart could lose."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._streams: set[Stream] = set()
        self._is_closing = False
        self.streams = Streams()
        self.usual = UsualTimes(pool)

    async def forever(self) -> None:
        """Give each stream here what it has not yet told, wherever it was recorded."""
        async with Wakeup.listen(self._pool.url, store.CHANNEL) as wakeup:
            while True:
                await wakeup.wait(_LONGEST_SILENCE)
                try:
                    await self._ring()
                except DatabaseUnavailable:
                    continue
                last_success("web-live")
                await asyncio.sleep(_BREATH)

    async def _ring(self) -> None:
        seen: dict[str, int] = {}
        for stream in self._streams:
            seen[stream.signup_id] = min(stream.after, seen.get(stream.signup_id, stream.after))
        found = await store.news_after(self._pool, seen) if seen else {}
        for stream in list(self._streams) if found else ():
            if stream.signup_id in found:
                stream.hears(found[stream.signup_id])

    async def close(self, _app: web.Application) -> None:
        """End all streams, so that a stopping replica need not wait; browsers go to another one."""
        self._is_closing = True
        for stream in self._streams:
            stream.bell.set()

    async def changes(self, signup_id: str, after: int, manner: Manner) -> AsyncGenerator[bytes]:
        """The stream's text: what happened since revision ``after``, then each change, and signs of life.

        It ends when nothing has happened for long, and says so. A revision that never was means from the start.
        """
        # Browsers come back within one to three seconds, not all at once.
        yield b"retry: %d\n\n" % (1000 + int(signup_id[-3:], 16) // 2)
        stream = Stream(signup_id, 0)
        loop = asyncio.get_running_loop()
        told_at = loop.time()
        try:
            latest = await store.latest_revision(self._pool, signup_id)
            stream.after = after if after <= latest else 0
            self._streams.add(stream)
            if stream.after < latest:
                news = await store.news_after(self._pool, {signup_id: stream.after})
                stream.hears(news.get(signup_id, ()))
            while not self._is_closing:
                words = stream.words()
                if words:
                    told_at = loop.time()
                elif loop.time() - told_at > manner.quiet.total_seconds():
                    yield _REST
                    return
                yield words or _BEAT
                await _rung(stream.bell, manner.heartbeat)
        finally:
            self._streams.discard(stream)


async def _rung(bell: asyncio.Event, at_most: timedelta) -> None:
    try:
        async with asyncio.timeout(at_most.total_seconds()):
            await bell.wait()
    except TimeoutError:
        pass
