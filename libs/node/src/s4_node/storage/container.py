"""The bytes of an immutable share: those of the disk backend's share file, so that each reads what the other wrote.

    version (2), data length or 2**32 - 1, number of leases    4 bytes each, big endian
    data
    leases                                                      72 bytes each, their secrets hashed

Its lengths follow from the object's size and the number of leases; the length in the header is for software older than
Tahoe-LAFS 1.3.0 and is believed by nobody (allmydata/storage/immutable.py).
"""

import struct
from dataclasses import dataclass

from allmydata.storage.common import UnknownImmutableContainerVersionError
from allmydata.storage.immutable_schema import NEWEST_SCHEMA_VERSION, schema_from_version
from allmydata.storage.lease import HashedLeaseInfo, LeaseInfo

_HEADER = struct.Struct(">LLL")
HEADER_BYTES = _HEADER.size
LEASE_BYTES = 72
_MOST_LENGTH = 2**32 - 1


class BadContainer(Exception):
    """These are not the bytes of an immutable share; `problem` says why, in plain words."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.problem = problem


@dataclass(frozen=True)
class Container:
    """Where everything is in a share."""

    version: int
    data_bytes: int
    leases: int
    stated: int  # the length that the header gives

    @property
    def lease_offset(self) -> int:
        """Where the first lease begins; the data ends there."""
        return HEADER_BYTES + self.data_bytes

    @property
    def problems(self) -> list[str]:
        """What the disk backend tolerates but never writes: signs of a share that was cut or spliced."""
        found = []
        if self.stated not in {min(self.data_bytes, _MOST_LENGTH), self.data_bytes & _MOST_LENGTH}:
            found.append(f"the header tells of {self.stated} bytes of data, there are {self.data_bytes}")
        if not self.leases:
            found.append("there is no lease")
        return found


def size(data_bytes: int) -> int:
    """How long a share with so much data is, with its one lease."""
    return HEADER_BYTES + data_bytes + LEASE_BYTES


def header(data_bytes: int) -> bytes:
    """How a new share begins: it has one lease."""
    return _HEADER.pack(NEWEST_SCHEMA_VERSION.version, min(data_bytes, _MOST_LENGTH), 1)


def lease_record(lease: LeaseInfo | HashedLeaseInfo) -> bytes:
    """A lease as new shares and the renewals of a storage index hold it."""
    record: bytes = NEWEST_SCHEMA_VERSION.lease_serializer.serialize(lease)
    return record


def parse(name: str, start: bytes, object_bytes: int) -> Container:
    """Where everything is in the share that starts with these bytes (12 are enough) and is so long.

    Raises BadContainer, or UnknownImmutableContainerVersionError for another version or a mutable share.
    """
    if object_bytes < HEADER_BYTES or len(start) < HEADER_BYTES:
        raise BadContainer(name, f"it has {min(object_bytes, len(start))} bytes, a header has {HEADER_BYTES}")
    version, stated, leases = _HEADER.unpack_from(start)
    if schema_from_version(version) is None:
        raise UnknownImmutableContainerVersionError(name, version)
    data_bytes = object_bytes - HEADER_BYTES - leases * LEASE_BYTES
    if data_bytes < 0:
        raise BadContainer(name, f"{leases} leases do not fit into {object_bytes} bytes")
    return Container(version, data_bytes, leases, stated)


def leases(container: Container, records: bytes) -> list[LeaseInfo | HashedLeaseInfo]:
    """The leases in what follows the data; a record that is cut short is left out."""
    serializer = schema_from_version(container.version).lease_serializer
    whole = min(container.leases, len(records) // LEASE_BYTES)
    return [serializer.unserialize(records[n * LEASE_BYTES : (n + 1) * LEASE_BYTES]) for n in range(whole)]
