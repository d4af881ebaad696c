"""What goes into a bucket and comes out of it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

Checksum = Literal["crc32", "md5", "none"]
Addressing = Literal["auto", "path", "virtual"]
Encryption = Literal["none", "AES256", "aws:kms"]


@dataclass(frozen=True)
class Store:
    """Which bucket, where, and how its requests are written. `prefix` is empty or ends with a slash."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""  # empty: Amazon's, for the region
    region: str = "us-east-1"
    addressing: Addressing = "auto"  # path where an endpoint is given, virtual at Amazon's
    encryption: Encryption = "none"  # none: what the bucket does by default
    kms_key: str = ""
    checksum: Checksum = "crc32"
    credentials: str = "chain"  # or "profile:NAME", or "file:PATH" of a shared credentials file


@dataclass(frozen=True)
class Stat:
    """An object as a listing or a HEAD shows it; `key` is without the store's prefix."""

    key: str
    size: int
    etag: str  # with its quotes, as S3 writes it
    modified: datetime  # aware, UTC


@dataclass(frozen=True)
class Got:
    """Some or all bytes of an object; `size` is the whole object's."""

    body: bytes
    size: int
    etag: str
    modified: datetime


@dataclass(frozen=True)
class Pending:
    """A multipart upload that was begun and neither completed nor aborted."""

    key: str
    upload: str
    begun: datetime


@dataclass(frozen=True)
class FileSlice:
    """Bytes of a local file that are sent without being held in memory."""

    path: Path
    offset: int
    length: int


@dataclass(frozen=True)
class Absent:
    """Write only if there is no such object (If-None-Match: *)."""


@dataclass(frozen=True)
class Unchanged:
    """Write only if the object is still the one with this etag (If-Match)."""

    etag: str


Body = bytes | bytearray | memoryview | FileSlice
Condition = Absent | Unchanged
