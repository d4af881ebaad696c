"""One at a time for each key, and so many bytes at a time for all: who came first goes first."""

from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from twisted.internet.defer import Deferred, DeferredLock


class Locks:
    """A lock for each key, which exists only while somebody holds it."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, DeferredLock] = {}

    @asynccontextmanager
    async def of(self, key: Hashable) -> AsyncIterator[None]:
        """Nobody else is inside with this key."""
        lock = self._locks.setdefault(key, DeferredLock())
        await lock.acquire()
        try:
            yield
        finally:
            lock.release()
            if not lock.locked and self._locks.get(key) is lock:  # else who waited has left, and another has come
                del self._locks[key]

    def __len__(self) -> int:
        return len(self._locks)


class Allowance:
    """Bytes that may be held at once. More than there are is all of them: that one goes alone, and not never."""

    def __init__(self, total: int) -> None:
        self.total, self.free = total, total
        self._waiting: deque[tuple[int, Deferred[None]]] = deque()

    @asynccontextmanager
    async def of(self, size: int) -> AsyncIterator[None]:
        """The bytes are taken. Nobody who came later has been let in before, however few they want."""
        size = max(0, min(size, self.total))
        turn: Deferred[None] = Deferred()
        place = (size, turn)
        self._waiting.append(place)
        self._let_in()
        try:
            await turn
        except BaseException:  # cancelled: others must not wait behind it
            if place in self._waiting:
                self._waiting.remove(place)
            else:
                self.free += size
            self._let_in()
            raise
        try:
            yield
        finally:
            self.free += size
            self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._waiting[0][0] <= self.free:
            size, turn = self._waiting.popleft()
            self.free -= size
            turn.callback(None)
