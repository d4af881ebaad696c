"""Multipart uploads that nobody will complete: a dead process left them, they are billed, and not listed."""

import random
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from s4_node.objects import Objects
from s4_node.s3.errors import S3Error
from s4_node.storage import layout
from s4_node.workers import Stopped

ABANDONED_AFTER = timedelta(hours=24)
"""How old an upload is that may be swept.

Another process may serve the same prefix, by mistake or while it is being replaced, and S3 does not say whose an
upload is. A living process' upload is rarely a day old; should it be, its owner finds it missing and sends everything
again from its spool (s4_node.storage.parts), so the mistake costs traffic and no data. A node that never comes back
leaves the rest to the bucket's lifecycle rule.
"""
FIRST_WITHIN_SECONDS = 600.0  # of the start; drawn at random, for many grids start together
EVERY_SECONDS = 24 * 3600.0
_log = Logger()


def abandoned(objects: Objects, older_than: datetime, *, but: Collection[str | None] = ()) -> "Deferred[int]":
    """Abort the uploads of shares that were begun before this moment; how many. Raises S3Error, and may be repeated.

    `but` are those that this process has in progress (Upload.multipart).
    """
    return Deferred.fromCoroutine(_abandoned(objects, older_than, but))


async def _abandoned(objects: Objects, older_than: datetime, but: Collection[str | None]) -> int:
    old = [
        pending
        for pending in await objects.uploads(layout.SHARES)
        if pending.begun < older_than and pending.upload not in but
    ]
    for pending in old:
        await objects.abort_upload(pending.key, pending.upload)
    return len(old)


class Sweep:
    """Sweeps soon after its start and daily from then on; trouble with S3 is said and the next day's sweep comes."""

    def __init__(self, objects: Objects, ours: Callable[[], Collection[str | None]], clock: IReactorTime) -> None:
        """`ours`: the uploads that this process has in progress."""
        self._objects, self._ours, self._clock = objects, ours, clock
        self._next: IDelayedCall | None = None

    def start(self) -> None:
        """Sweep from now on."""
        self._plan(random.uniform(0, FIRST_WITHIN_SECONDS))  # noqa: S311  spreads requests, guards nothing

    def stop(self) -> None:
        """No other sweep begins."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = None

    def _plan(self, seconds: float) -> None:
        self._next = self._clock.callLater(seconds, lambda: Deferred.fromCoroutine(self._sweep()))

    async def _sweep(self) -> None:
        self._plan(EVERY_SECONDS)  # first: nothing that happens now keeps the next from coming
        now = datetime.fromtimestamp(self._clock.seconds(), UTC)
        try:
            swept = await abandoned(self._objects, now - ABANDONED_AFTER, but=self._ours())
        except (S3Error, Stopped) as failed:
            _log.warn("uploads.not-swept", error=str(failed) or type(failed).__name__)
        else:
            _log.info("uploads.swept", count=swept)
