"""Waiting for something to become true of an object that tells of each of its changes."""

from collections.abc import Callable

from twisted.internet.defer import Deferred


class Changes:
    """What is to be told, and who waits. A cancelled wait disturbs nobody else's."""

    def __init__(self) -> None:
        self._waiting: list[Deferred[None]] = []

    def tell(self) -> None:
        """Everybody who waits looks again."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(None)

    async def until(self, holds: Callable[[], bool]) -> None:
        """It holds, at this moment."""
        while not holds():
            change: Deferred[None] = Deferred()
            self._waiting.append(change)
            await change
