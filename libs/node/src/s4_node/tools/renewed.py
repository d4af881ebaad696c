"""A bucket as the disk backend would have it: leases that were renewed beside their shares are in them.

The bucket keeps renewals in an object for each storage index; the disk backend knows only leases in share files. Read
through here a share has both, so that what is copied to a disk expires no earlier than it would have in the bucket.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

from s4_node.s3.bucket import Bucket
from s4_node.s3.errors import ConditionFailed, Missing
from s4_node.storage import container, layout, mutable_container
from s4_node.tools.bucket_place import belongs
from s4_node.tools.places import Changed, Entry

# What follows the hashed secrets' records of version 2: allmydata/storage/lease.py, lease_schema.py
_RENEWAL = struct.Struct(">L32s32sL")  # owner, renew secret, cancel secret, expiration
_MUTABLE = struct.Struct(">LL32s32s20s")  # owner, expiration, renew secret, cancel secret, node id
_HASHED_IMMUTABLE = 2
_HASHED_MUTABLE = b"Tahoe mutable container v2\n"

Renewals = Mapping[bytes, tuple[int, bytes, bytes, int]]  # by hashed renew secret


@dataclass(frozen=True)
class Patched:
    """An object whose beginning and end are others: `head`, then the object up to `tail_at`, then `tail`."""

    head: bytes
    tail_at: int
    tail: bytes
    etag: str

    @property
    def size(self) -> int:
        """Of the whole."""
        return self.tail_at + len(self.tail)


class Renewed:
    """A bucket to copy from, to a disk."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def entries(self) -> Iterator[Entry]:
        """Every advisory and share; a share's size is the one with its renewed leases."""
        for stat in self._bucket.list(layout.ADVISORIES):
            yield Entry(stat.key, stat.size, stat.etag)
        renewed = (stat.key for stat in self._bucket.list(layout.LEASES) if layout.leases_name(stat.key))
        shares = (Entry(stat.key, stat.size, stat.etag) for stat in self._bucket.list(layout.SHARES) if belongs(stat))
        following = next(renewed, None)
        for folder, of_index in groupby(shares, lambda entry: entry.key.rpartition("/")[0]):
            leases = layout.LEASES + folder.removeprefix(layout.SHARES)
            while following is not None and following < leases:
                following = next(renewed, None)
            if following == leases:
                yield from (self._entry(entry) for entry in of_index)
            else:
                yield from of_index

    def pieces(self, entry: Entry, piece_bytes: int) -> Iterator[bytes]:
        """The content with its renewed leases. Raises Changed."""
        try:
            patched = self._patched(entry) if not entry.etag else None
            if patched is None:
                yield from self._between(entry.key, 0, entry.size, entry.etag, piece_bytes)
                return
            yield patched.head
            yield from self._between(entry.key, len(patched.head), patched.tail_at, patched.etag, piece_bytes)
            yield patched.tail
        except (ConditionFailed, Missing):
            raise Changed(entry.key) from None

    def write(self, entry: Entry, _pieces: Iterator[bytes], _only_if: object) -> None:
        """Not this way round."""
        raise TypeError(f"{entry.key}: this place is read only")

    def _entry(self, entry: Entry) -> Entry:
        """The entry as it is with its renewals; without an etag, because it is no object's."""
        try:
            patched = self._patched(entry)
        except (ConditionFailed, Missing):
            return entry
        return entry if patched is None else replace(entry, size=patched.size, etag="")

    def _patched(self, entry: Entry) -> Patched | None:
        leases = self._bucket.get(layout.LEASES + entry.key.removeprefix(layout.SHARES).rpartition("/")[0]).body
        renewals = {each[1]: each for each in _RENEWAL.iter_unpack(leases[: len(leases) // 72 * 72])}
        start = self._bucket.get(entry.key, 0, mutable_container.DATA_AT)
        if start.body.startswith(_HASHED_MUTABLE) and len(start.body) == mutable_container.DATA_AT:
            return self._mutable(entry.key, start.body, start.size, start.etag, renewals)
        if int.from_bytes(start.body[:4], "big") != _HASHED_IMMUTABLE or start.size < container.HEADER_BYTES:
            return None  # of a version whose leases cannot take a hashed secret, or no share at all
        return self._immutable(entry.key, start.body, start.size, start.etag, renewals)

    def _immutable(self, key: str, start: bytes, size: int, etag: str, renewals: Renewals) -> Patched | None:
        count = int.from_bytes(start[8:12], "big")
        tail_at = size - count * container.LEASE_BYTES
        if tail_at < container.HEADER_BYTES:
            return None
        records = list(_RENEWAL.iter_unpack(self._bucket.get(key, tail_at, size, etag=etag).body))
        known = {record[1] for record in records}
        merged = [(*record[:3], _latest(record[3], renewals, record[1])) for record in records]
        merged += [renewal for secret, renewal in renewals.items() if secret not in known]
        head = start[:8] + len(merged).to_bytes(4, "big")
        return Patched(head, tail_at, b"".join(_RENEWAL.pack(*record) for record in merged), etag)

    def _mutable(self, key: str, start: bytes, size: int, etag: str, renewals: Renewals) -> Patched:
        header = mutable_container.parse_header(start, size, key)
        tail = self._bucket.get(key, header.extra_leases_at, size, etag=etag).body
        own = list(_MUTABLE.iter_unpack(start[mutable_container.FIXED.size :]))
        (count,) = mutable_container.COUNT.unpack_from(tail)
        end = mutable_container.COUNT.size + count * mutable_container.LEASE_BYTES
        records = own + list(_MUTABLE.iter_unpack(tail[mutable_container.COUNT.size : end]))
        known = {record[2] for record in records if record[0]}
        records = [(record[0], _latest(record[1], renewals, record[2]), *record[2:]) for record in records]
        for secret, (owner, renew, cancel, expires) in renewals.items():
            if secret in known:
                continue
            lease = (owner, expires, renew, cancel, header.nodeid)
            empty = next((n for n, record in enumerate(records) if not record[0]), None)
            if empty is None:
                records.append(lease)
            else:
                records[empty] = lease
        packed = [_MUTABLE.pack(*record) for record in records]
        own_count = mutable_container.OWN_LEASES
        head = start[: mutable_container.FIXED.size] + b"".join(packed[:own_count])
        extra = mutable_container.COUNT.pack(len(packed) - own_count) + b"".join(packed[own_count:])
        return Patched(head, header.extra_leases_at, extra, etag)

    def _between(self, key: str, start: int, end: int, etag: str, piece_bytes: int) -> Iterator[bytes]:
        for at in range(start, end, piece_bytes):
            yield self._bucket.get(key, at, min(at + piece_bytes, end), etag=etag).body


def _latest(expires: int, renewals: Renewals, secret: bytes) -> int:
    return max(expires, renewals[secret][3]) if secret in renewals else expires
