"""How much a grid has stored: counted by listing it once a day, kept up in between by what this node writes.

A count costs one LIST for each 1000 objects (at Amazon a million shares are 1000 requests, half a cent). What another
node of the same bucket writes is seen by the next count.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from s4_node.objects import Objects
from s4_node.s3.errors import Missing, S3Error
from s4_node.s3.values import Stat
from s4_node.storage import layout
from s4_node.storage.rounds import Rounds
from s4_node.storage.tally import Amount, Tally

DAY, HOUR = 86400.0, 3600.0
SPREAD = 600.0  # seconds; within them the grids of a process begin their first counts, where an older one is known
FORMAT = 1

_log = Logger()


@dataclass(eq=False)
class Change:
    """An object that is being written or deleted; None is no object. Settle it or drop it, or quota stays reserved."""

    usage: "Usage" = field(repr=False)
    key: str
    before: int | None
    expected: int | None

    def __enter__(self) -> None:
        """What is done inside writes or deletes the object as expected."""

    def __exit__(self, kind: type[BaseException] | None, _error: object, _traceback: object) -> None:
        """Settled as expected, or dropped when it could not be done: cancelled, too."""
        if kind is None:
            self.settled(self.expected)
        else:
            self.dropped()

    def settled(self, after: int | None) -> None:
        """It has this size now. Only the first word about a change counts."""
        self.usage._close(self, after)  # noqa: SLF001  two halves of one thing

    def dropped(self) -> None:
        """It is as it was. Where that is not sure, the next count finds out."""
        self.usage._close(self, self.before)  # noqa: SLF001  two halves of one thing

    @property
    def growth(self) -> int:
        """Bytes that it will add."""
        return max(0, (self.expected or 0) - (self.before or 0))


@dataclass
class _Count:
    """A listing that is being added up. Keys that change ahead of it are left out, and added as they are in the end."""

    cursor: str = ""  # up to here everything was added
    is_all: bool = False
    tally: Tally = field(default_factory=Tally)
    storage_indexes: int = 0
    changed: dict[str, int | None] = field(default_factory=dict)
    last: bytes = b""

    def begins(self, key: str, before: int | None) -> None:
        if key > self.cursor and not self.is_all:
            self.changed.setdefault(key, before)

    def settled(self, key: str, before: int | None, after: int | None) -> None:
        if key in self.changed:
            self.changed[key] = after
        else:
            self.tally.change(key, before, after)

    def add(self, page: list[Stat], following: str | None) -> None:
        for stat in page:
            if stat.key not in self.changed:
                self.tally.change(stat.key, None, stat.size)
            name = layout.share_name(stat.key)
            if name is not None and name.storage_index != self.last:
                self.last = name.storage_index
                self.storage_indexes += 1
        self.cursor, self.is_all = following or "", following is None

    def end(self) -> Tally:
        for key, size in self.changed.items():
            self.tally.change(key, None, size)
        return self.tally


class Usage:
    """A grid's bytes and objects. `is_known` is False until a count, or an older node's word about one, is there."""

    def __init__(self, objects: Objects, clock: IReactorTime) -> None:
        self.is_known = False
        self.counted_at: float | None = None
        self.storage_indexes: int | None = None  # at the last count
        self._objects, self._clock = objects.unhurried(), clock
        self._tally = Tally()
        self._open: set[Change] = set()
        self._count: _Count | None = None
        self._is_saved = self._is_stopped = True
        self._loading: Deferred[None] = succeed(None)
        self._counting = Rounds("usage.count", self.count, every=DAY, clock=clock)
        self._saving = Rounds("usage.save", self.save, every=HOUR, clock=clock)

    @property
    def total(self) -> Amount:
        """All that is stored, of every kind."""
        return self._tally.total

    @property
    def kinds(self) -> dict[str, Amount]:
        """By kind: shares, leases, advisories, other."""
        return dict(self._tally.amounts)

    @property
    def succeeded_at(self) -> float | None:
        """When this process last counted."""
        return self._counting.succeeded_at

    def available(self, quota: int | None) -> int | None:
        """Bytes that may still be stored, less those that are on their way; None: there is no limit."""
        if quota is None:
            return None
        return max(0, quota - self.total.bytes - sum(change.growth for change in self._open))

    def changing(self, key: str, before: int | None, expected: int | None) -> Change:
        """Say so before the request: this object, of this size until now, is about to have another.

        Do it in a `with`, or end the change by its own methods.
        """
        change = Change(self, key, before, expected)
        self._open.add(change)
        if self._count is not None:
            self._count.begins(key, before)
        return change

    async def count(self) -> None:
        """Everything was listed, and what this node wrote meanwhile is counted once. Raises S3Error."""
        count = self._count = _Count()
        for change in self._open:
            count.begins(change.key, change.before)
        try:
            while not count.is_all:
                page, following = await self._objects.list_page("", count.cursor)
                count.add(page, following)
            self._tally, self.storage_indexes = count.end(), count.storage_indexes
        finally:
            self._count = None
        self.is_known, self.counted_at, self._is_saved = True, self._clock.seconds(), False
        await self.save()

    async def load(self) -> None:
        """What a node before this one wrote down is believed until the first count. Raises S3Error."""
        try:
            got = await self._objects.get(layout.USAGE)
            told = json.loads(got.body)
            amounts = {kind: Amount(one["objects"], one["bytes"]) for kind, one in told["kinds"].items()}
            counted_at = datetime.fromisoformat(told["counted"]).timestamp()
        except Missing:
            return
        except (ValueError, LookupError, TypeError, AttributeError):
            _log.warn("usage.unreadable", key=layout.USAGE)
            return
        if self.is_known:
            return
        for kind, own in self._tally.amounts.items():  # written by this node while it was being loaded
            old = amounts.get(kind, Amount())
            amounts[kind] = Amount(old.objects + own.objects, old.bytes + own.bytes)
        self._tally, self.counted_at, self.is_known = Tally(amounts), counted_at, True
        self.storage_indexes = told.get("storage_indexes")

    async def save(self) -> None:
        """The bucket knows what is known here. Raises S3Error."""
        if self._is_saved or not self.is_known:
            return
        self._is_saved = True
        try:
            await self._objects.put(layout.USAGE, self._text())
        except BaseException:
            self._is_saved = False
            raise

    def start(self) -> None:
        """Count now, or soon where an older count is known; then daily, and save hourly."""

        async def starting() -> None:
            try:
                await self.load()
            except S3Error as failed:
                _log.warn("usage.not-loaded", error=repr(failed))
            if not self._is_stopped:
                self._counting.start(SPREAD if self.is_known else 0.0)
                self._saving.start(HOUR)

        self._is_stopped = False
        self._loading = Deferred.fromCoroutine(starting())
        self._loading.addErrback(lambda failure: failure.trap(CancelledError))

    async def stop(self) -> None:
        """Nothing is counted any more, and the bucket knows what is known here, if it can be told."""
        self._is_stopped = True
        self._loading.cancel()
        await self._counting.stop()
        await self._saving.stop()
        try:
            await self.save()
        except S3Error as failed:
            _log.warn("usage.not-saved", error=repr(failed))

    def _close(self, change: Change, after: int | None) -> None:
        if change not in self._open:
            return
        self._open.remove(change)
        if after == change.before:
            return
        self._is_saved = False
        self._tally.change(change.key, change.before, after)
        if self._count is not None:
            self._count.settled(change.key, change.before, after)

    def _text(self) -> bytes:
        told: dict[str, Any] = {
            "format": FORMAT,
            "objects": self.total.objects,
            "bytes": self.total.bytes,
            "kinds": {kind: {"objects": one.objects, "bytes": one.bytes} for kind, one in sorted(self.kinds.items())},
            "storage_indexes": self.storage_indexes,
            "counted": datetime.fromtimestamp(self.counted_at or 0.0, UTC).isoformat(),
            "saved": datetime.fromtimestamp(self._clock.seconds(), UTC).isoformat(),
        }
        return json.dumps(told, indent=1).encode() + b"\n"
