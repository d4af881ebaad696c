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
"""How old an upload is that the daily sweep takes; the first one takes whatever is older than the process.

Another process may serve the same prefix, by mistake or while it is being replaced, and S3 does not say whose an
upload is. Should a sweep take a living process' upload, its owner finds it missing and sends everything again from its
spool (s4_node.storage.parts): the mistake costs traffic and no data. A node that never comes back leaves the rest to
the bucket's lifecycle rule.
"""
FIRST_AFTER_SECONDS = 900.0  # S3's clock and ours differ by less: nothing begun by then looks older than the process
FIRST_WITHIN_SECONDS = 1500.0  # of the start; drawn at random, for many grids start together
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
    """Sweeps once, some minutes after its start, and daily from then on; the next sweep comes whatever befalls one."""

    def __init__(self, objects: Objects, ours: Callable[[], Collection[str | None]], clock: IReactorTime) -> None:
        """`ours`: the uploads that this process has in progress."""
        self._objects, self._ours, self._clock = objects, ours, clock
        self._next: IDelayedCall | None = None

    def start(self) -> None:
        """Sweep from now on."""
        started = self._now()
        spread = random.uniform(FIRST_AFTER_SECONDS, FIRST_WITHIN_SECONDS)  # noqa: S311  spreads requests, guards nothing
        self._plan(spread, lambda: started)

    def stop(self) -> None:
        """No other sweep begins."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = None

    def _plan(self, seconds: float, older_than: Callable[[], datetime]) -> None:
        self._next = self._clock.callLater(seconds, lambda: Deferred.fromCoroutine(self._sweep(older_than())))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.seconds(), UTC)

    async def _sweep(self, older_than: datetime) -> None:
        # first: nothing that happens now keeps the next from coming
        self._plan(EVERY_SECONDS, lambda: self._now() - ABANDONED_AFTER)
        try:
            swept = await abandoned(self._objects, older_than, but=self._ours())
        except (S3Error, Stopped) as failed:
            _log.warn("uploads.not-swept", error=str(failed) or type(failed).__name__)
        else:
            _log.info("uploads.swept", count=swept)
