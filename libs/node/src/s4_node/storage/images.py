"""Bytes at random places, in memory or in the spool: what a container is changed in before it is an object again."""

from typing import Protocol

from s4_node.storage.spool import SpoolFile

CHUNK = 2**20  # bytes of zeros written to a file at once


class Image(Protocol):
    """A container's bytes. Writing behind the end leaves zeros in between, as in a file."""

    @property
    def size(self) -> int:
        """All bytes."""

    def read(self, start: int, length: int) -> bytes:
        """The bytes there; fewer at the end."""

    def write(self, start: int, content: bytes) -> None:
        """They are there now."""

    def zero(self, start: int, end: int) -> None:
        """Zeros are there now, up to `end`, which is not included."""


class MemoryImage:
    """An image that is small enough to be held."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)

    @property
    def size(self) -> int:
        """All bytes."""
        return len(self.content)

    def read(self, start: int, length: int) -> bytes:
        """The bytes there; fewer at the end."""
        return bytes(self.content[start : start + length])

    def write(self, start: int, content: bytes) -> None:
        """They are there now."""
        if start > len(self.content):
            self.content.extend(bytes(start - len(self.content)))
        self.content[start : start + len(content)] = content

    def zero(self, start: int, end: int) -> None:
        """Zeros are there now."""
        if end > start:
            self.write(start, bytes(end - start))


class SpoolImage:
    """An image in a file of the spool, which has its last size from the beginning and is sparse until it is written."""

    def __init__(self, file: SpoolFile) -> None:
        self._file, self._written_to = file, 0

    @property
    def size(self) -> int:
        """All bytes."""
        return self._file.size

    def read(self, start: int, length: int) -> bytes:
        """The bytes there; fewer at the end."""
        return self._file.read(start, length)

    def write(self, start: int, content: bytes) -> None:
        """They are there now."""
        self._file.write(start, content)
        self._written_to = max(self._written_to, start + len(content))

    def zero(self, start: int, end: int) -> None:
        """Zeros are there now. Where nothing was written there are zeros already, and they take no room."""
        for at in range(start, min(end, self._written_to), CHUNK):
            self._file.write(at, bytes(min(CHUNK, end - at)))
