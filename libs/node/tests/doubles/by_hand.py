"""Workers without threads: what is asked of a bucket waits in a test's hand, or takes its time by a test's clock."""

from collections.abc import Callable
from functools import partial
from hashlib import md5
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from s4_node.objects import Objects
from s4_node.s3.errors import ConditionFailed, Missing
from s4_node.s3.values import Got, Stat
from support.stats import A_DAY

Call = tuple[Callable[[], Any], "Deferred[Any]"]


class MemoryBucket:
    """The few of a bucket's operations that reading needs, and a list of what was asked."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.sent = 0  # bytes

    def stat(self, key: str) -> Stat:
        body = self.objects[key]
        return Stat(key, len(body), f'"{md5(body, usedforsecurity=False).hexdigest()}"', A_DAY)

    def list(self, prefix: str, *, after: str = "") -> list[Stat]:
        self.asked.append(f"list {prefix}")
        return [self.stat(key) for key in sorted(self.objects) if key.startswith(prefix) and key > after]

    def get(self, key: str, start: int = 0, end: int | None = None, *, etag: str | None = None) -> Got:
        self.asked.append(f"get {key} {start} {end}")
        if key not in self.objects:
            raise Missing("GET", "NoSuchKey", 404)
        stat = self.stat(key)
        if etag not in {None, stat.etag}:
            raise ConditionFailed("GET", "PreconditionFailed", 412)
        body = self.objects[key][start:end]
        self.sent += len(body)
        return Got(body, stat.size, stat.etag, stat.modified)


class HandLane:
    """Nothing is called before the test says so; `let` calls what waits, the unhurried last."""

    def __init__(self) -> None:
        self.awaited: list[Call] = []
        self.unhurried: list[Call] = []

    def call(self, function: Callable[..., Any], *args: object, **kwargs: object) -> "Deferred[Any]":
        answer: Deferred[Any] = Deferred()
        self.awaited.append((partial(function, *args, **kwargs), answer))
        return answer

    def call_unhurried(self, function: Callable[..., Any], *args: object, **kwargs: object) -> "Deferred[Any]":
        answer: Deferred[Any] = Deferred()
        self.unhurried.append((partial(function, *args, **kwargs), answer))
        return answer

    def hurry(self, answer: "Deferred[Any]") -> None:
        self.awaited += [call for call in self.unhurried if call[1] is answer]
        self.unhurried = [call for call in self.unhurried if call[1] is not answer]

    def let(self, count: int = 1000) -> None:
        """The next calls are made and answered, also those that the answers lead to."""
        for _ in range(count):
            if not self.awaited and not self.unhurried:
                return
            answered(*(self.awaited or self.unhurried).pop(0))

    def fail(self, error: Exception) -> None:
        """The next call fails."""
        (self.awaited or self.unhurried).pop(0)[1].errback(error)


class ClockLane(HandLane):
    """Each call takes `latency` seconds of the clock, and `at_once` are on their way at the same time."""

    def __init__(self, clock: Clock, latency: float, at_once: int = 8) -> None:
        super().__init__()
        self._clock, self._latency, self._free = clock, latency, at_once

    def call(self, function: Callable[..., Any], *args: object, **kwargs: object) -> "Deferred[Any]":
        answer = super().call(function, *args, **kwargs)
        self._clock.callLater(0, self._begin)
        return answer

    def call_unhurried(self, function: Callable[..., Any], *args: object, **kwargs: object) -> "Deferred[Any]":
        answer = super().call_unhurried(function, *args, **kwargs)
        self._clock.callLater(0, self._begin)
        return answer

    def _begin(self) -> None:
        while self._free and (queue := self.awaited or self.unhurried):
            self._free -= 1
            self._clock.callLater(self._latency, self._end, queue.pop(0))

    def _end(self, call: Call) -> None:
        self._free += 1
        answered(*call)
        self._begin()


def answered(made: Callable[[], Any], answer: "Deferred[Any]") -> None:
    try:
        result = made()
    except Exception:  # noqa: BLE001  it is the caller's
        result = Failure()
    answer.callback(result)


def objects(bucket: MemoryBucket, lane: HandLane) -> Objects:
    """The real class over both."""
    return Objects(bucket, lane)  # type: ignore[arg-type]  # they do what is used of a Bucket and a Lane
