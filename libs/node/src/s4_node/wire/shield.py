"""What a client that hangs up must not interrupt."""

from collections.abc import Coroutine
from typing import TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")


def unharmed(work: "Deferred[T] | Coroutine[Deferred[object], object, T]") -> "Deferred[T]":
    """What `work` comes to. When the result is cancelled, nobody waits any more, and the work goes on to its end.

    Klein cancels what it waits for when the client is gone; a share that is half way into the bucket is to arrive.
    """
    going_on = work if isinstance(work, Deferred) else Deferred.fromCoroutine(work)
    waited_for: Deferred[T] = Deferred()
    going_on.addBoth(waited_for.callback)  # a Failure becomes an errback
    return waited_for
