"""Immutable shares as the protocols read them, with the disk backend's semantics."""

from collections import OrderedDict
from collections.abc import Callable

from allmydata.storage.common import UnknownImmutableContainerVersionError
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from s4_node.s3.errors import ConditionFailed, Missing, OutOfRange
from s4_node.s3.values import Stat
from s4_node.storage import layout
from s4_node.storage.blocks import Blocks
from s4_node.storage.container import HEADER_BYTES, BadContainer, parse
from s4_node.storage.damages import Damages
from s4_node.storage.layout import ShareName
from s4_node.storage.listing import Listings, Shares

_KEPT = 600.0  # seconds that a reader is used without asking whether the share is still there
_MOST = 512

Advise = Callable[[str, bytes, int, bytes], "Deferred[None]"]


class NoSuchShare(KeyError):
    """The share is not in the bucket, or not any more."""


class DamagedShare(Exception):
    """The object is no whole immutable share."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key, self.problem = key, problem


class Reader:
    """One share. An object that was replaced or deleted meanwhile is looked for once more, then it is NoSuchShare."""

    def __init__(self, name: ShareName, stat: Stat, readers: "Readers") -> None:
        self.name, self.stat = name, stat
        self._readers = readers
        self._length: tuple[Stat, int] | None = None

    def read(self, offset: int, length: int) -> "Deferred[bytes]":
        """So many bytes of the data; fewer, or none, where the data ends. Raises NoSuchShare, DamagedShare."""
        if offset < 0:
            raise ValueError(offset)
        known = self._known_length
        if known is None:
            return Deferred.fromCoroutine(self._twice(offset, length))
        bytes_left = max(0, min(length, known - offset))
        found = self._readers.blocks.read(self.stat, HEADER_BYTES + offset, bytes_left)
        return found.addErrback(self._gone, self.stat, offset, length)

    def get_length(self) -> "Deferred[int]":
        """Of the data. Raises NoSuchShare, DamagedShare."""
        known = self._known_length
        if known is not None:
            return succeed(known)

        async def length() -> int:
            await self._twice(0, 0)
            return self._length[1] if self._length else 0

        return Deferred.fromCoroutine(length())

    def advise_corrupt_share(self, reason: bytes) -> "Deferred[None]":
        """Somebody could not make sense of it; this is kept for the operator."""
        return self._readers.advise("immutable", self.name.storage_index, self.name.number, reason)

    @property
    def _known_length(self) -> int | None:
        return self._length[1] if self._length is not None and self._length[0] is self.stat else None

    def _gone(self, failure: Failure, stat: Stat, offset: int, length: int) -> "Deferred[bytes]":
        failure.trap(Missing, ConditionFailed, OutOfRange)
        return Deferred.fromCoroutine(self._as_it_is_now(stat, offset, length))

    async def _twice(self, offset: int, length: int) -> bytes:
        stat = self.stat
        try:
            return await self._read(stat, offset, length)
        except (Missing, ConditionFailed, OutOfRange):
            return await self._as_it_is_now(stat, offset, length)

    async def _as_it_is_now(self, stat: Stat, offset: int, length: int) -> bytes:
        stat = self.stat = await self._readers.renewed(self.name, stat)
        try:
            return await self._read(stat, offset, length)
        except (Missing, ConditionFailed, OutOfRange):
            raise NoSuchShare(stat.key) from None

    async def _read(self, stat: Stat, offset: int, length: int) -> bytes:
        blocks = self._readers.blocks
        if self._length is None or self._length[0] is not stat:
            header = await blocks.read(stat, 0, HEADER_BYTES)
            self._length = stat, self._readers.data_length(stat, header)
        length = min(length, self._length[1] - offset)
        return await blocks.read(stat, HEADER_BYTES + offset, length) if length > 0 else b""


class Readers:
    """The shares of a grid, for reading. A reader is kept for a while, so that reading on costs no LIST."""

    def __init__(self, listings: Listings, blocks: Blocks, advise: Advise, clock: IReactorTime) -> None:
        self.blocks, self.advise = blocks, advise
        self._listings, self._clock = listings, clock
        self._kept: OrderedDict[ShareName, tuple[float, Reader]] = OrderedDict()
        self._damages = Damages()
        listings.watch(self._forget)

    async def all(self, storage_index: bytes) -> dict[int, Reader]:
        """A reader for each share of the storage index."""
        shares = await self._listings.of(storage_index)
        return {number: self._reader(ShareName(storage_index, number), stat) for number, stat in shares.items()}

    async def one(self, storage_index: bytes, number: int) -> Reader:
        """The reader of this share. Raises NoSuchShare."""
        at, reader = self._kept.get(ShareName(storage_index, number), (0.0, None))
        if reader is not None and self._clock.seconds() - at <= _KEPT:
            return reader
        shares: Shares = await self._listings.of(storage_index)
        if number not in shares:  # another node may have written it since
            shares = await self._listings.fresh(storage_index)
        if number not in shares:
            raise NoSuchShare(layout.share(storage_index, number))
        return self._reader(ShareName(storage_index, number), shares[number])

    async def renewed(self, name: ShareName, stat: Stat) -> Stat:
        """The share as it is now; what is known of it is wrong. Raises NoSuchShare."""
        known: Shares = await self._listings.of(name.storage_index)
        now = known.get(name.number)
        if now is not None and now.etag == stat.etag:
            self._listings.forget(name.storage_index)
            known = await self._listings.of(name.storage_index)
            now = known.get(name.number)
        if now is None:
            self._forget(name.storage_index)
            raise NoSuchShare(stat.key)
        return now

    def data_length(self, stat: Stat, header: bytes) -> int:
        """How much of the object is the share's data. Raises DamagedShare, and says so in the log the first time."""
        try:
            container = parse(stat.key, header, stat.size)
        except BadContainer as bad:
            problem = bad.problem
        except UnknownImmutableContainerVersionError:
            problem = "it does not begin as an immutable share does"
        else:
            if container.data_bytes >= container.stated:
                return container.data_bytes
            problem = f"it is cut short: {container.data_bytes} of {container.stated} bytes of data"
        self._damages.say(stat, problem)
        raise DamagedShare(stat.key, problem)

    def _reader(self, name: ShareName, stat: Stat) -> Reader:
        _, reader = self._kept.pop(name, (0.0, None))
        if reader is None or reader.stat.etag != stat.etag:
            reader = Reader(name, stat, self)
        self._kept[name] = self._clock.seconds(), reader
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return reader

    def _forget(self, storage_index: bytes) -> None:
        for name in [name for name in self._kept if name.storage_index == storage_index]:
            del self._kept[name]
