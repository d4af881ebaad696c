"""The disk backend's storage directory as a place to copy from and to."""

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from s4_node.s3.values import Absent, Condition
from s4_node.storage import layout
from s4_node.tools.places import Changed, Entry

# The disk backend empties this folder at every start, and looks at nothing in it.
UNFINISHED = Path("shares/incoming/s4-copy")


class Disk:
    """Shares as files, where the disk backend has them."""

    def __init__(self, directory: Path) -> None:
        self._root = directory

    def entries(self) -> Iterator[Entry]:
        """Every share and advisory, in the order in which S3 lists the same keys."""
        for root in sorted((layout.SHARES, layout.ADVISORIES)):
            yield from self._below(root.rstrip("/"))

    def pieces(self, entry: Entry, piece_bytes: int) -> Iterator[bytes]:
        """The file's bytes. Raises Changed when it is not as long as it was."""
        try:
            with (self._root / entry.key).open("rb", buffering=0) as file:
                if os.fstat(file.fileno()).st_size != entry.size:
                    raise Changed(entry.key)
                while piece := file.read(piece_bytes):
                    yield piece
        except FileNotFoundError:
            raise Changed(entry.key) from None

    def read(self, entry: Entry, start: int, end: int) -> bytes:
        """These bytes of the file. Raises Changed when there is no such file any more."""
        try:
            with (self._root / entry.key).open("rb", buffering=0) as file:
                return os.pread(file.fileno(), end - start, start)
        except FileNotFoundError:
            raise Changed(entry.key) from None

    def write(self, entry: Entry, pieces: Iterator[bytes], only_if: Condition) -> None:
        """The file is there, on the disk and not just in its cache, under its name or not at all."""
        unfinished = self._root / UNFINISHED / secrets.token_hex(8)
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        final = self._root / entry.key
        try:
            with unfinished.open("xb", buffering=0) as file:
                for piece in pieces:
                    file.write(piece)
                os.fsync(file.fileno())
            final.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(only_if, Absent):
                _link(unfinished, final)
            else:
                unfinished.replace(final)
            _sync(final.parent)
        finally:
            unfinished.unlink(missing_ok=True)
            for folder in (unfinished.parent, unfinished.parent.parent):
                with suppress(OSError):  # somebody else's file is in it
                    folder.rmdir()

    def _below(self, folder: str) -> Iterator[Entry]:
        try:
            found = sorted(os.scandir(self._root / folder), key=_sorted_like_keys)
        except FileNotFoundError:
            return
        for each in found:
            key = f"{folder}/{each.name}"
            if each.is_dir(follow_symlinks=False):
                yield from self._below(key)
            elif each.is_file() and (layout.share_name(key) or key.startswith(layout.ADVISORIES)):
                yield Entry(key, each.stat().st_size)


def _sorted_like_keys(entry: os.DirEntry[str]) -> str:
    return entry.name + "/" if entry.is_dir(follow_symlinks=False) else entry.name


def _link(unfinished: Path, final: Path) -> None:
    try:
        os.link(unfinished, final)
    except FileExistsError:
        raise Changed(str(final)) from None


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
