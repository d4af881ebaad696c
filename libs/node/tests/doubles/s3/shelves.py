"""Buckets in memory, their bytes in files: an object is a sequence of immutable files that a name points to."""

import itertools
import secrets
from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from doubles.s3.refusals import Refusal, Slice


@dataclass(frozen=True)
class Blob:
    """A file that never changes, with what is known about its bytes."""

    path: Path
    size: int
    md5: str  # or any other 32 digits, where ETags are opaque
    checksums: dict[str, str] = field(default_factory=dict)  # as base64, by algorithm


@dataclass(frozen=True)
class Entry:
    """An object: published at once, never changed."""

    key: str
    blobs: tuple[Blob, ...]
    etag: str  # with quotes
    headers: dict[str, str]  # what HEAD and GET repeat: content type, metadata, encryption
    checksums: dict[str, str]
    modified: datetime

    @property
    def size(self) -> int:
        return sum(blob.size for blob in self.blobs)

    def slices(self, start: int, end: int) -> list[Slice]:
        """Where bytes [start, end) lie."""
        found, at = [], 0
        for blob in self.blobs:
            low, high = max(start, at), min(end, at + blob.size)
            if low < high:
                found.append(Slice(blob.path, low - at, high - low))
            at += blob.size
        return found


@dataclass
class Upload:
    """A multipart upload that was begun."""

    key: str
    upload_id: str
    headers: dict[str, str]
    algorithm: str  # of the checksums of its parts; "" is none
    begun: datetime
    parts: dict[int, Blob] = field(default_factory=dict)


@dataclass
class Bucket:
    """Entries by key, in the order of UTF-8, and the uploads that are not complete."""

    name: str
    created: datetime
    entries: dict[str, Entry] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    versioning: str = ""
    lifecycle: bytes = b""
    _order: list[bytes] = field(default_factory=list)

    def publish(self, entry: Entry) -> None:
        old = self.entries.get(entry.key)
        if old is None:
            insort(self._order, entry.key.encode())
        self.entries[entry.key] = entry
        if old is not None:
            discard(old.blobs)

    def remove(self, key: str) -> None:
        old = self.entries.pop(key, None)
        if old is not None:
            del self._order[bisect_left(self._order, key.encode())]
            discard(old.blobs)

    def after(self, prefix: str, after: str) -> Iterator[Entry]:
        """Entries whose key has the prefix and comes behind `after`, in order."""
        raw = prefix.encode()
        index = bisect_left(self._order, max(raw, after.encode() + b"\0" if after else b""))
        for key in itertools.islice(self._order, index, None):
            if not key.startswith(raw):
                return
            yield self.entries[key.decode()]

    def upload(self, key: str, upload_id: str) -> Upload:
        found = self.uploads.get(upload_id)
        if found is None or found.key != key:
            raise Refusal("NoSuchUpload")
        return found


def discard(blobs: tuple[Blob, ...] | list[Blob]) -> None:
    for blob in blobs:
        blob.path.unlink(missing_ok=True)


class Shelves:
    """All buckets, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.buckets: dict[str, Bucket] = {}
        self._numbers = itertools.count(1)
        self._run = secrets.token_hex(4)
        for name in ("incoming", "blobs"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def bucket(self, name: str) -> Bucket:
        try:
            return self.buckets[name]
        except KeyError:
            raise Refusal("NoSuchBucket") from None

    def create(self, name: str) -> None:
        if name in self.buckets:
            raise Refusal("BucketAlreadyOwnedByYou")
        self.buckets[name] = Bucket(name, datetime.now(UTC))

    def delete(self, name: str) -> None:
        bucket = self.bucket(name)
        if bucket.entries:
            raise Refusal("BucketNotEmpty")
        for upload in bucket.uploads.values():
            discard(list(upload.parts.values()))
        del self.buckets[name]

    def incoming(self) -> Path:
        return self.folder / "incoming" / f"{self._run}-{next(self._numbers)}"

    def keep(self, incoming: Path) -> Path:
        return incoming.rename(self.folder / "blobs" / incoming.name)
