"""Calls that wait for S3, in threads: one pool for the process, one lane for each grid, so that none starves another.

Everything here but the calls themselves happens in the reactor's thread.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import ParamSpec, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorFromThreads
from twisted.python.threadpool import ThreadPool

P = ParamSpec("P")
T = TypeVar("T")


class Stopped(Exception):
    """The call was not made, or its answer is not waited for: its lane is closed, or the process ends."""


class Began(Protocol):
    """Is told when a call leaves its lane's queue, and how long it was there."""

    def __call__(self, lane: str, waited: float) -> None:
        """`waited` is in seconds."""


def unnoticed(lane: str, waited: float) -> None:
    """Nobody wants to know."""


class _Threads(ThreadPool):
    threadFactory = partial(Thread, daemon=True)  # noqa: N815  Twisted's name. A call that hangs must not keep a process that ends


class _Call:
    """One call, in a queue or on its way."""

    def __init__(self, made: Callable[[], object], queue: "deque[_Call]", since: float) -> None:
        self.made, self.queue, self.since = made, queue, since
        self.answer: Deferred[object] = Deferred(self._cancelled)

    def _cancelled(self, _: "Deferred[object]") -> None:
        if self in self.queue:
            self.queue.remove(self)


class Lane:
    """One grid's calls: in order, `at_once` at most at the same time; those that somebody waits for come first."""

    def __init__(self, workers: "Workers", name: str, at_once: int) -> None:
        self.name, self.at_once, self.running = name, at_once, 0
        self.turn = 0  # when it last began a call, in calls of all lanes
        self._workers = workers
        self._awaited: deque[_Call] = deque()
        self._unhurried: deque[_Call] = deque()

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Deferred[T]":
        """Call the function in a thread. A cancelled call is not made any more, or its answer is dropped."""
        return self._queue(self._awaited, partial(function, *args, **kwargs))

    def call_unhurried(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Deferred[T]":
        """The same, after everything in this lane that somebody waits for."""
        return self._queue(self._unhurried, partial(function, *args, **kwargs))

    def hurry(self, answer: "Deferred[T]") -> None:
        """Somebody waits for this answer now. Nothing happens when its call has begun."""
        for call in self._unhurried:
            if call.answer is answer:
                self._unhurried.remove(call)
                self._awaited.append(call)
                call.queue = self._awaited
                return

    @property
    def waiting(self) -> int:
        """How many calls are in the queue."""
        return len(self._awaited) + len(self._unhurried)

    @property
    def may_begin(self) -> bool:
        """Something waits, and the lane's own limit allows it."""
        return self.running < self.at_once and self.waiting > 0

    def close(self) -> None:
        """Nothing is called any more; what waits fails with Stopped; what runs still answers."""
        self._workers.leave(self)
        while self.waiting:
            self.next().answer.errback(Stopped())

    def next(self) -> _Call:
        """Take the next call out of the queue."""
        return (self._awaited or self._unhurried).popleft()

    def _queue(self, queue: deque[_Call], made: Callable[[], object]) -> "Deferred[T]":
        call = _Call(made, queue, self._workers.now())
        queue.append(call)
        if not self._workers.enter(self):
            queue.remove(call)
            call.answer.errback(Stopped())
        return call.answer


class Workers:
    """The process' threads. A fourth of them is kept for lanes that have none: S3's silence to one grid is its own."""

    def __init__(self, threads: int = 16, *, reactor: IReactorFromThreads, began: Began = unnoticed) -> None:
        self.running = 0
        self._threads, self._kept = threads, threads // 4
        self._pool = _Threads(0, threads, "s3")
        self._reactor, self._began = reactor, began
        self._lanes: list[Lane] = []
        self._waiting: dict[Lane, None] = {}  # the lanes where something waits, in the order in which they began to
        self._turns = 0
        self._on_their_way: set[_Call] = set()
        self._stopped: Deferred[None] | None = None

    def start(self) -> None:
        """Calls are made from now on."""
        self._pool.start()
        self._begin()

    def lane(self, name: str, at_once: int) -> Lane:
        """A new lane."""
        lane = Lane(self, name, at_once)
        self._lanes.append(lane)
        return lane

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """The open lanes, for who counts `waiting` and `running`."""
        return tuple(self._lanes)

    def now(self) -> float:
        """The reactor's time, in seconds."""
        return float(self._reactor.seconds())

    def stop(self, patience: float = 10.0) -> "Deferred[None]":
        """What waits fails; fires when what runs has answered and the threads have ended.

        Calls that take longer than `patience` (seconds) fail as well, and their threads end with the process.
        """
        if self._stopped is None:
            self._stopped = Deferred()
            for lane in self.lanes:
                lane.close()
            late: IDelayedCall = self._reactor.callLater(patience, self._abandon)
            self._stopped.addCallback(lambda _: late.cancel() if late.active() else None)
            self._end_if_idle()
        return self._stopped

    def enter(self, lane: Lane) -> bool:
        """Something waits in this lane. False when it is closed."""
        if lane not in self._lanes:
            return False
        self._waiting[lane] = None
        self._begin()
        return True

    def leave(self, lane: Lane) -> None:
        """The lane is closed."""
        if lane in self._lanes:
            self._lanes.remove(lane)
        self._waiting.pop(lane, None)

    def _begin(self) -> None:
        while self._pool.started and (lane := self._next_lane()):
            call = lane.next()
            if not lane.waiting:
                del self._waiting[lane]
            self._turns += 1
            lane.turn = self._turns
            lane.running += 1
            self.running += 1
            self._on_their_way.add(call)
            self._began(lane.name, self.now() - call.since)
            answered = partial(self._reactor.callFromThread, self._ended, lane, call)
            self._pool.callInThreadWithCallback(lambda _, result, answered=answered: answered(result), call.made)

    def _next_lane(self) -> Lane | None:
        """The lane whose last turn is longest ago of those that may begin a call."""
        free = self._threads - self.running
        ready = [lane for lane in self._waiting if lane.may_begin and (free > self._kept or not lane.running)]
        if not free or not ready:
            return None
        return min(ready, key=lambda lane: lane.turn)

    def _ended(self, lane: Lane, call: _Call, result: object) -> None:
        lane.running -= 1
        self.running -= 1
        self._on_their_way.discard(call)
        self._begin()  # first: who is answered may queue more of the same lane
        if not call.answer.called:
            call.answer.callback(result)  # a Failure is an errback
        if self._stopped is not None:
            self._end_if_idle()

    def _end_if_idle(self) -> None:
        if self._stopped is not None and not self.running and not self._stopped.called:
            if self._pool.started:
                self._pool.stop()
            self._stopped.callback(None)

    def _abandon(self) -> None:
        for call in tuple(self._on_their_way):
            if not call.answer.called:
                call.answer.errback(Stopped())
        if self._stopped is not None and not self._stopped.called:
            self._stopped.callback(None)
