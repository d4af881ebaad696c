"""The bytes of a mutable share, read and changed as Tahoe-LAFS' disk backend reads and changes its file.

0    32  magic, which says the version
32   20  id of the node to which the write enabler was told
52   32  write enabler
84    8  length of the data
92    8  where the extra leases are
100 368  four leases, 92 bytes each
468      data, then room that was data once: a container never shrinks
...   4  number of extra leases, and those (docs/specifications/mutable.rst and storage/mutable.py of Tahoe-LAFS)
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from allmydata.interfaces import BadWriteEnablerError, DataTooLargeError, NoSpace
from allmydata.mutable.layout import MAX_MUTABLE_SHARE_SIZE
from allmydata.storage.common import UnknownMutableContainerVersionError
from allmydata.storage.lease import LeaseInfo
from allmydata.storage.mutable import testv_compare
from allmydata.storage.mutable_schema import NEWEST_SCHEMA_VERSION, schema_from_header
from allmydata.util import idlib
from allmydata.util.hashutil import timing_safe_compare

from s4_node.storage.images import Image, MemoryImage

FIXED = struct.Struct(">32s20s32sQQ")
LENGTHS = struct.Struct(">QQ")  # the last of FIXED
COUNT = struct.Struct(">L")
LEASE_BYTES = 92
OWN_LEASES = 4  # have their room before the data
DATA_AT = FIXED.size + OWN_LEASES * LEASE_BYTES
LEAST_BYTES = DATA_AT + COUNT.size
MAGIC_BYTES = 32

TestVector = Sequence[tuple[int, int, bytes, bytes]]
WriteVector = Sequence[tuple[int, bytes]]
ReadVector = Sequence[tuple[int, int]]


class DamagedContainer(Exception):
    """The object is shorter than it says, or its lengths contradict each other."""


@dataclass(frozen=True)
class Header:
    """What a container's first bytes say, without its leases."""

    schema: Any  # of allmydata.storage.mutable_schema
    nodeid: bytes
    write_enabler: bytes = field(repr=False)
    data_length: int
    extra_leases_at: int

    def check_write_enabler(self, candidate: bytes) -> None:
        """Raise BadWriteEnablerError, in the disk backend's words, unless this is the write enabler."""
        if not timing_safe_compare(candidate, self.write_enabler):
            recorded_by = idlib.nodeid_b2a(self.nodeid)
            raise BadWriteEnablerError(f"The write enabler was recorded by nodeid '{recorded_by}'.")

    def span(self, offset: int, length: int) -> tuple[int, int]:
        """From where up to where in the object these bytes of the data are: none behind the data's end."""
        if offset < 0 or length < 0:
            raise ValueError("a read begins before the data, or is shorter than nothing")
        start = min(offset, self.data_length)
        return DATA_AT + start, DATA_AT + min(offset + length, self.data_length)

    def grown(self, writes: WriteVector) -> "Header":
        """As it is after these writes. Raises DataTooLargeError."""
        header = self
        for offset, content in writes:
            if offset < 0:
                raise ValueError("a write begins before the data")
            end = offset + len(content)
            if DATA_AT + end > header.extra_leases_at and end > MAX_MUTABLE_SHARE_SIZE:
                raise DataTooLargeError
            if end >= header.data_length:
                at = max(header.extra_leases_at, DATA_AT + end)
                header = replace(header, data_length=end, extra_leases_at=at)
        return header


def parse_header(beginning: bytes, size: int, name: str) -> Header:
    """The header of an object of this size. Raises UnknownMutableContainerVersionError or DamagedContainer.

    Of a container of another kind no more than the magic gets into the error: behind it there are secrets.
    """
    schema = schema_from_header(beginning)
    if schema is None:
        raise UnknownMutableContainerVersionError(name, beginning[:MAGIC_BYTES])
    if len(beginning) < FIXED.size or size < LEAST_BYTES:
        raise DamagedContainer(f"{name}: cut short")
    _, nodeid, write_enabler, data_length, extra_leases_at = FIXED.unpack(beginning[: FIXED.size])
    if not DATA_AT + data_length <= extra_leases_at <= size - COUNT.size:
        raise DamagedContainer(f"{name}: its lengths do not fit its size")
    return Header(schema, nodeid, write_enabler, data_length, extra_leases_at)


def are_true(tests: TestVector, found: Sequence[bytes]) -> bool:
    """Whether every test of the vector is true of what was found where it says; of an absent share that is nothing."""
    return all(
        testv_compare(data, operator, specimen) for (_, _, operator, specimen), data in zip(tests, found, strict=True)
    )


class MutableContainer:
    """A container in an image, to be read and changed."""

    def __init__(self, image: Image, name: str) -> None:
        self._image, self._name = image, name
        self.header = parse_header(image.read(0, FIXED.size), image.size, name)
        if image.size < self.header.extra_leases_at + COUNT.size + self._extra_leases() * LEASE_BYTES:
            raise DamagedContainer(f"{name}: its leases are cut short")

    @classmethod
    def create(cls, image: Image, name: str, nodeid: bytes, write_enabler: bytes) -> "MutableContainer":
        """An empty container of the newest version, in an empty image."""
        image.write(0, NEWEST_SCHEMA_VERSION.header(nodeid, write_enabler))
        return cls(image, name)

    @classmethod
    def without_data(cls, beginning: bytes, tail: bytes, name: str) -> "MutableContainer":
        """The container of these first bytes, and of its last ones from `extra_leases_at` on, as if it had no data."""
        image = MemoryImage(beginning[:DATA_AT] + tail)
        image.write(FIXED.size - LENGTHS.size, LENGTHS.pack(0, DATA_AT))
        return cls(image, name)

    def read(self, offset: int, length: int) -> bytes:
        """The data there; none behind its end."""
        start, end = self.header.span(offset, length)
        return self._image.read(start, max(0, end - start))

    def readv(self, vector: ReadVector) -> list[bytes]:
        """The data of each place."""
        return [self.read(offset, length) for offset, length in vector]

    def writev(self, writes: WriteVector, new_length: int | None) -> None:
        """Write each, then forget what is behind `new_length`. Raises DataTooLargeError before it changes anything."""
        self.header.grown(writes)
        for offset, content in writes:
            self._write(offset, content)
        if new_length is not None and new_length < self.header.data_length:
            self._become(replace(self.header, data_length=new_length))

    def size_after(self, writes: WriteVector, lease: LeaseInfo | None) -> int:
        """How large the object is after these writes and with this lease. Raises DataTooLargeError."""
        records = self._extra_leases()
        if lease is not None and self._place_of(lease) is None and None not in self._slots():
            records += 1
        return self.header.grown(writes).extra_leases_at + COUNT.size + records * LEASE_BYTES

    def leases(self) -> list[LeaseInfo]:
        """The leases in the container, with hashed secrets from version 2 on."""
        return [lease for lease in self._slots() if lease is not None]

    def add_or_renew(self, lease: LeaseInfo, room: int | None = None) -> None:
        """Its secret has a lease at least that long. Raises NoSpace if a new record does not fit into `room`."""
        if lease.owner_num == 0:
            raise ValueError("owner 0 means that there is no lease")
        place = self._place_of(lease)
        if place is not None:
            number, found = place
            if lease.get_expiration_time() > found.get_expiration_time():
                self._put_lease(number, found.renew(lease.get_expiration_time()))
            return
        slots = [*self._slots()]
        if None not in slots and room is not None and room < LEASE_BYTES:
            raise NoSpace
        self._put_lease(slots.index(None) if None in slots else len(slots), lease)

    def _write(self, offset: int, content: bytes) -> None:
        before = self.header
        after = before.grown([(offset, content)])
        if after.extra_leases_at > before.extra_leases_at:
            moved = COUNT.size + self._extra_leases() * LEASE_BYTES
            leases = self._image.read(before.extra_leases_at, moved)
            # No reader may ever find a lease where data will be (Tahoe-LAFS ticket 1528).
            self._image.zero(before.extra_leases_at, before.extra_leases_at + moved)
            self._image.write(after.extra_leases_at, leases)
        if offset > before.data_length:
            self._image.zero(DATA_AT + before.data_length, DATA_AT + offset)
        self._become(after)
        self._image.write(DATA_AT + offset, content)

    def _become(self, header: Header) -> None:
        lengths = LENGTHS.pack(header.data_length, header.extra_leases_at)
        self._image.write(FIXED.size - LENGTHS.size, lengths)
        self.header = header

    def _extra_leases(self) -> int:
        (count,) = COUNT.unpack(self._image.read(self.header.extra_leases_at, COUNT.size))
        return int(count)

    def _lease_at(self, number: int) -> int:
        if number < OWN_LEASES:
            return FIXED.size + number * LEASE_BYTES
        return self.header.extra_leases_at + COUNT.size + (number - OWN_LEASES) * LEASE_BYTES

    def _slots(self) -> Iterator[LeaseInfo | None]:
        for number in range(OWN_LEASES + self._extra_leases()):
            record = self._image.read(self._lease_at(number), LEASE_BYTES)
            lease = self.header.schema.lease_serializer.unserialize(record)
            yield None if lease.owner_num == 0 else lease

    def _place_of(self, lease: LeaseInfo) -> tuple[int, LeaseInfo] | None:
        for number, found in enumerate(self._slots()):
            if found is not None and found.is_renew_secret(lease.renew_secret):
                return number, found
        return None

    def _put_lease(self, number: int, lease: LeaseInfo) -> None:
        if number == OWN_LEASES + self._extra_leases():
            self._image.write(self.header.extra_leases_at, COUNT.pack(self._extra_leases() + 1))
        self._image.write(self._lease_at(number), self.header.schema.lease_serializer.serialize(lease))
