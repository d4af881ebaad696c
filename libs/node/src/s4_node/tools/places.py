"""Where a grid's shares can be: a bucket, or the storage directory of Tahoe-LAFS' disk backend.

A place is written by a person as
    s3://BUCKET/PREFIX?endpoint=...&region=...&credentials=...   any setting of the S3 section
    NODE_DIRECTORY        what its tahoe.cfg says: the bucket of the S3 section, else the disk backend's directory
    STORAGE_DIRECTORY     one that has `shares` in it, or a new one
"""

from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from configparser import Error as NotReadable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from s4_node import settings
from s4_node.s3.values import Condition

CONFIGURATION = "tahoe.cfg"


class BadPlace(ValueError):
    """This is no place, and why."""


class Changed(Exception):
    """An object was written by somebody else while it was copied."""


@dataclass(frozen=True)
class Entry:
    """A share, the leases of a storage index, or an advisory. `etag` is empty on a disk."""

    key: str
    size: int
    etag: str = ""


class Place(Protocol):
    """What is copied from, and to. Thread-safe."""

    def entries(self) -> Iterator[Entry]:
        """Everything that belongs to a grid, in the order of the keys as bytes; nothing that does not."""

    def pieces(self, entry: Entry, piece_bytes: int) -> Iterator[bytes]:
        """The content in pieces of this size, the last one shorter. Raises Changed when it is another by now."""

    def write(self, entry: Entry, pieces: Iterator[bytes], only_if: Condition) -> None:
        """The content is there, whole, or not at all. Raises Changed when the condition does not hold."""


class Readable(Place, Protocol):
    """A place whose content is read in any order."""

    def read(self, entry: Entry, start: int, end: int) -> bytes:
        """These bytes; fewer when the content is shorter. Raises Changed."""


def node_of(directory: Path) -> Path | None:
    """The directory with the configuration of the node, or of the storage server of the grid, that is in this one."""
    return next((each for each in (directory, directory / "storage") if (each / CONFIGURATION).exists()), None)


def stores_in(node: Path) -> settings.StorageSettings | Path:
    """Where a node's shares are, by its configuration. Raises BadPlace."""
    config = ConfigParser(strict=False)  # with the stock node's own interpolation
    try:
        with (node / CONFIGURATION).open(encoding="utf-8") as file:
            config.read_file(file)
        if config.has_section(settings.SECTION):
            return settings.read(config[settings.SECTION], node)
        return node / Path(config.get("storage", "storage_dir", fallback="storage")).expanduser()
    except (NotReadable, settings.BadSettings) as wrong:
        raise BadPlace(f"{node / CONFIGURATION}: {wrong}") from None


def located(text: str) -> settings.StorageSettings | Path:
    """The bucket, or the directory, that a person named. Raises BadPlace."""
    if text.startswith("s3://"):
        return _bucket(text)
    node = node_of(Path(text))
    return _storage_directory(Path(text)) if node is None else stores_in(node)


def _bucket(text: str) -> settings.StorageSettings:
    url = urlsplit(text)
    given: Mapping[str, str] = dict(parse_qsl(url.query))
    try:
        return settings.read({"bucket": url.netloc, "prefix": url.path, **given}, Path.cwd())
    except settings.BadSettings as wrong:
        raise BadPlace(f"{text.partition('?')[0]}: {wrong}") from None


def _storage_directory(directory: Path) -> Path:
    if directory.exists() and not directory.is_dir():
        raise BadPlace(f"{directory}: is a file, not a directory")
    if directory.is_dir() and any(directory.iterdir()) and not (directory / "shares").is_dir():
        raise BadPlace(f"{directory}: there is something in it, but no `shares`")
    return directory
