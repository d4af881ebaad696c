"""What clients say about shares that they could not make sense of, kept for the operator as the disk backend keeps it.

Whoever may read a grid may say so, as often as it likes: what is kept is bounded in size and in number.
"""

from collections import OrderedDict, deque

from allmydata.storage.common import si_b2a
from allmydata.storage.server import render_corruption_report
from allmydata.util.time_format import iso_utc
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from s4_node.objects import Objects
from s4_node.s3.errors import S3Error
from s4_node.storage import layout
from s4_node.storage.listing import Listings
from s4_node.storage.usage import Usage

REASON_BYTES = 4096
MOST = 1000  # in the bucket; an operator who has so many needs no more, and one page of a listing counts them
HOURLY = 60
_REMEMBERED = 256
_HOUR = 3600.0

_log = Logger()


class Advisories:
    """The corruption advisories of a grid."""

    def __init__(
        self,
        objects: Objects,
        listings: Listings,
        usage: Usage,
        clock: IReactorTime,
        *,
        most: int = MOST,
        hourly: int = HOURLY,
    ) -> None:
        self.discarded = 0
        self._objects, self._listings, self._usage, self._clock = objects, listings, usage, clock
        self._most, self._hourly = most, hourly
        self._kept, self._is_counted = 0, False
        self._recent: deque[float] = deque()
        self._said: OrderedDict[tuple[bytes, bytes, int, bytes], None] = OrderedDict()

    async def put(self, kind: bytes, storage_index: bytes, number: int, reason: bytes) -> None:
        """It is in the bucket, unless there is no such share, it was said before, or too much was said already.

        It never fails: a client could do nothing about it.
        """
        try:
            if number not in await self._listings.of(storage_index):
                self._discard("there is no such share")
            elif self._is_news((kind, storage_index, number, reason[:REASON_BYTES])) and await self._has_room():
                await self._store(kind, storage_index, number, reason)
        except S3Error as failed:
            _log.warn("advisory.lost", storage_index=_text(storage_index), number=number, error=repr(failed))

    async def _store(self, kind: bytes, storage_index: bytes, number: int, reason: bytes) -> None:
        told_kind = kind if kind in {b"immutable", b"mutable"} else b"unknown"
        told = reason[:REASON_BYTES].decode("utf-8", "replace").encode()
        report = render_corruption_report(told_kind, si_b2a(storage_index), number, told).encode()
        when = iso_utc(self._clock.seconds(), sep="T").replace(":", "")  # as the disk backend names its files
        key = layout.advisory(when, storage_index, number)
        self._recent.append(self._clock.seconds())
        self._kept += 1
        with self._usage.changing(key, None, len(report)):
            await self._objects.put(key, report)
        _log.warn("share.said-to-be-corrupt", kind=told_kind.decode(), share=f"{_text(storage_index)}/{number}")

    def _is_news(self, word: tuple[bytes, bytes, int, bytes]) -> bool:
        if word in self._said:
            self._discard("it was said before")
            return False
        self._said[word] = None
        if len(self._said) > _REMEMBERED:
            self._said.popitem(last=False)
        return True

    async def _has_room(self) -> bool:
        now = self._clock.seconds()
        while self._recent and self._recent[0] <= now - _HOUR:
            self._recent.popleft()
        if len(self._recent) >= self._hourly:
            self._discard("enough was said in this hour")
            return False
        if not self._is_counted:
            page, _ = await self._objects.list_page(layout.ADVISORIES, "", min(1000, self._most))
            self._kept, self._is_counted = max(len(page), self._kept), True
        if self._kept >= self._most:
            self._discard("enough is kept")
            return False
        return True

    def _discard(self, why: str) -> None:
        self.discarded += 1
        if self.discarded & (self.discarded - 1) == 0:  # the 1st, 2nd, 4th, 8th ...: a flood is no flood in the log
            _log.info("advisory.discarded", why=why, discarded=self.discarded)


def _text(storage_index: bytes) -> str:
    return str(si_b2a(storage_index).decode("ascii"))
