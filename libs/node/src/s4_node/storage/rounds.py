"""Work that is done again and again for as long as a grid is served, whatever one round meets."""

from collections.abc import Callable, Coroutine
from random import SystemRandom
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

FIRST_RETRY = 60.0  # seconds; doubled with each failure in a row, up to the time between two rounds

_log = Logger()


class Chance(Protocol):
    """Where the spread comes from: random.Random."""

    def uniform(self, a: float, b: float) -> float:
        """A number between both."""


class Rounds:
    """One round, then another after `every` seconds, give or take a tenth: many grids of a process never go together.

    A round that fails, by S3 or by a mistake of ours, is logged and done again sooner; it never ends the rounds
    (Least Authority's S4 lost both of its crawlers for good to one broken connection: their issue 686).
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Coroutine[Deferred[Any], Any, object]],
        *,
        every: float,
        clock: IReactorTime,
        chance: Chance = SystemRandom(),  # noqa: B008  it has no state
    ) -> None:
        self.succeeded_at: float | None = None
        self.failures = 0  # in a row
        self._name, self._work, self._every, self._clock, self._chance = name, work, every, clock, chance
        self._due: IDelayedCall | None = None
        self._running: Deferred[object] | None = None
        self._is_stopped = True

    def start(self, within: float = 0.0) -> None:
        """The first round begins at some time within so many seconds."""
        self._is_stopped = False
        self._wait(self._chance.uniform(0.0, within))

    def stop(self) -> "Deferred[None]":
        """No round is under way, and none comes. Twice is fine."""
        self._is_stopped = True
        if self._due is not None and self._due.active():
            self._due.cancel()
        if self._running is None:
            return succeed(None)
        ended: Deferred[None] = Deferred()
        self._running.addBoth(lambda _: ended.callback(None))
        self._running.cancel()
        return ended

    def _wait(self, seconds: float) -> None:
        self._due = self._clock.callLater(seconds, self._go)

    def _go(self) -> None:
        running = maybeDeferred(lambda: Deferred.fromCoroutine(self._work()))
        self._running = running
        running.addCallbacks(self._succeeded, self._failed)
        running.addErrback(lambda failure: _log.failure("rounds.broken", failure))
        running.addBoth(self._ended)

    def _succeeded(self, _: object) -> None:
        self.succeeded_at, self.failures = self._clock.seconds(), 0

    def _failed(self, failure: Failure) -> None:
        if self._is_stopped and failure.check(CancelledError):
            return
        self.failures += 1
        _log.warn("round.failed", round=self._name, failures=self.failures, error=repr(failure.value))

    def _ended(self, _: object) -> None:
        self._running = None
        if self._is_stopped:
            return
        if self.failures:
            soon = min(self._every, FIRST_RETRY * 2.0 ** min(self.failures - 1, 20))
            self._wait(self._chance.uniform(soon / 2, soon))
        else:
            self._wait(self._every * self._chance.uniform(0.9, 1.1))
