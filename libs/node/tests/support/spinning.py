"""Runs the process' reactor until something has happened, as often as a test wants; the way trial does."""

from collections.abc import Callable, Coroutine, Generator
from typing import TypeVar

from twisted.internet import reactor as the_reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

T = TypeVar("T")
reactor: IReactorCore = the_reactor


def spin(awaited: "Deferred[T] | Coroutine[Deferred[object], object, T]", seconds: float = 20) -> T:
    """Its result, or its error; TimeoutError when it has none in time."""
    outcome: list[T | Failure] = []
    answer = awaited if isinstance(awaited, Deferred) else Deferred.fromCoroutine(awaited)

    def ended(result: T | Failure) -> None:
        outcome.append(result)
        reactor.crash()

    answer.addBoth(ended)
    late = reactor.callLater(seconds, reactor.crash)
    while not outcome and late.active():
        reactor.run(installSignalHandlers=False)
    if late.active():
        late.cancel()
    if not outcome:
        raise TimeoutError
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()
    return outcome[0]


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    """The reactor has run until this holds."""

    async def polling() -> None:
        while not holds():
            await deferLater(reactor, 0.001)

    spin(polling(), seconds)


def turns(count: int = 3) -> None:
    """What was due at once has happened."""

    async def turning() -> None:
        for _ in range(count):
            await deferLater(reactor, 0)

    spin(turning())


__all__ = ["Generator", "reactor", "spin", "turns", "until"]
