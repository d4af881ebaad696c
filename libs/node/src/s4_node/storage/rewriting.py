"""A mutable share gets new content: in memory where it is small, in the spool and in parts where it is not."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from allmydata.interfaces import DataTooLargeError, NoSpace
from allmydata.storage.lease import LeaseInfo
from allmydata.storage.mutable_schema import NEWEST_SCHEMA_VERSION
from twisted.internet.interfaces import IReactorTime

from s4_node.objects import Objects
from s4_node.s3.values import Absent, Condition, Stat, Unchanged
from s4_node.settings import MIB, StorageSettings
from s4_node.storage.changes import Changes
from s4_node.storage.images import Image, MemoryImage, SpoolImage
from s4_node.storage.mutable_container import DATA_AT, LEASE_BYTES, Header, MutableContainer, WriteVector, parse_header
from s4_node.storage.parts import Parts
from s4_node.storage.slot_shares import GLIMPSE, SMALL, HeldShare
from s4_node.storage.spool import Spool, SpoolFile, SpoolFull

LARGEST_OBJECT = 5 * 2**40  # S3 User Guide, "Amazon S3 objects overview"
CHUNK = 8 * MIB  # of an old version on its way into the spool


@dataclass(frozen=True)
class Rewrite:
    """What one share shall become."""

    key: str
    old: HeldShare | None  # None: it is to be created
    nodeid: bytes
    write_enabler: bytes = field(repr=False)
    writes: WriteVector = field(repr=False)
    new_length: int | None
    lease: LeaseInfo | None = field(repr=False)

    @property
    def only_if(self) -> Condition:
        """Only over the version that the tests were true of."""
        return Absent() if self.old is None else Unchanged(self.old.stat.etag)

    @property
    def beginning(self) -> bytes:
        """The first bytes of the version before: an empty container's where there is none."""
        if self.old is not None:
            return self.old.beginning
        empty: bytes = NEWEST_SCHEMA_VERSION.header(self.nodeid, self.write_enabler)
        return empty

    @property
    def size(self) -> int:
        """Bytes of the version before, as if there were one."""
        return self.old.stat.size if self.old else len(self.beginning)

    @property
    def header(self) -> Header:
        """Of the version before."""
        return self.old.header if self.old else parse_header(self.beginning, self.size, self.key)

    @property
    def size_without_lease(self) -> int:
        """How large it will be, if the lease takes no room. Raises DataTooLargeError."""
        size = self.size - self.header.extra_leases_at + self.header.grown(self.writes).extra_leases_at
        if size > LARGEST_OBJECT - LEASE_BYTES:
            raise DataTooLargeError
        return size

    @property
    def is_small(self) -> bool:
        """Whether it is done in memory."""
        return self.size_without_lease + LEASE_BYTES <= SMALL and len(self.beginning) == self.size

    @property
    def memory(self) -> int:
        """Bytes that are held while it is done."""
        return 2 * self.size_without_lease if self.is_small else CHUNK

    def apply(self, image: Image) -> Header:
        """The image holds the version before; now it holds the new one."""
        container = MutableContainer(image, self.key)
        container.writev(self.writes, self.new_length)
        if self.lease is not None:
            container.add_or_renew(self.lease)
        return container.header


@dataclass(frozen=True)
class Edition:
    """A share's new version before it is published; no body: it is put together in the spool."""

    rewrite: Rewrite
    size: int
    body: bytes | None = field(repr=False)

    @property
    def growth(self) -> int:
        """Bytes that it takes more than the version before."""
        return self.size - (self.rewrite.old.stat.size if self.rewrite.old else 0)

    @property
    def is_same(self) -> bool:
        """Whether nothing changes."""
        return self.rewrite.old is not None and self.body == self.rewrite.old.beginning


class Press:
    """Makes editions and publishes them. Raises S3Error, SpoolError."""

    def __init__(self, objects: Objects, spool: Spool, settings: StorageSettings, clock: IReactorTime) -> None:
        self._objects, self._spool, self._settings, self._clock = objects, spool, settings, clock

    async def edition(self, rewrite: Rewrite) -> Edition:
        """How it will be. Raises DataTooLargeError; ConditionFailed when the version before is gone."""
        if rewrite.is_small:
            image = MemoryImage(rewrite.beginning)
            rewrite.apply(image)
            return Edition(rewrite, image.size, bytes(image.content))
        tail = await self._tail(rewrite)
        leases = MutableContainer.without_data(rewrite.beginning, tail, rewrite.key)
        record = leases.size_after([], rewrite.lease) - leases.size_after([], None)
        return Edition(rewrite, rewrite.size_without_lease + record, None)

    async def publish(self, edition: Edition) -> HeldShare:
        """It is in the bucket. Raises ConditionFailed; NoSpace when the spool is full."""
        rewrite = edition.rewrite
        if edition.body is not None:
            etag = await self._objects.put(rewrite.key, edition.body, only_if=rewrite.only_if)
            return self._held(edition, etag, parse_header(edition.body, edition.size, rewrite.key), edition.body)
        try:
            file = self._spool.reserve(edition.size)
        except SpoolFull:
            raise NoSpace from None
        try:
            image = SpoolImage(file)
            await self._fill(rewrite, image)
            header = rewrite.apply(image)
            etag = await self._send(rewrite, file)
            return self._held(edition, etag, header, file.read(0, GLIMPSE))
        except SpoolFull:
            raise NoSpace from None
        finally:
            file.release()

    def _held(self, edition: Edition, etag: str, header: Header, beginning: bytes) -> HeldShare:
        modified = datetime.fromtimestamp(self._clock.seconds(), UTC)
        return HeldShare(Stat(edition.rewrite.key, edition.size, etag, modified), header, beginning)

    async def _tail(self, rewrite: Rewrite) -> bytes:
        start = rewrite.header.extra_leases_at
        if rewrite.size == len(rewrite.beginning) or rewrite.old is None:
            return rewrite.beginning[start:]
        tail: bytes = (await self._objects.get(rewrite.key, start, etag=rewrite.old.stat.etag)).body
        return tail

    async def _fill(self, rewrite: Rewrite, image: Image) -> None:
        """The version before is in the image, but for what is written over anyway."""
        if rewrite.old is None:
            image.write(0, rewrite.beginning)
            return
        for start, end in kept_ranges(rewrite.header, rewrite.size, rewrite.writes):
            for at in range(start, end, CHUNK):
                got = await self._objects.get(rewrite.key, at, min(end, at + CHUNK), etag=rewrite.old.stat.etag)
                image.write(at, got.body)

    async def _send(self, rewrite: Rewrite, file: SpoolFile) -> str:
        failed: list[Exception] = []
        parts = Parts(
            self._objects,
            rewrite.key,
            file,
            part_bytes=self._settings.part_bytes,
            at_once=self._settings.caps.parts,
            changes=Changes(),
            failed=failed.append,
        )
        try:
            await parts.sent()
            if failed:
                raise failed[0]
            return await parts.complete(rewrite.only_if)
        finally:
            await parts.stop()


def kept_ranges(header: Header, size: int, writes: WriteVector) -> Iterator[tuple[int, int]]:
    """Where the bytes are that some write needs: all but the data that is written over. Header and leases are kept."""
    at = DATA_AT
    yield 0, DATA_AT
    for offset, content in sorted(writes, key=lambda write: write[0]):
        start, end = DATA_AT + offset, min(DATA_AT + offset + len(content), header.extra_leases_at)
        if at < start and at < header.extra_leases_at:
            yield at, min(start, header.extra_leases_at)
        at = max(at, end)
    if at < header.extra_leases_at:
        yield at, header.extra_leases_at
    yield header.extra_leases_at, size
