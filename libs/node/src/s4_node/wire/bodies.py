"""Where the body of a request waits until all of it is there: in memory while there is room, else in a file."""

import tempfile
from io import BytesIO
from typing import IO

LARGEST = 2 * 2**20  # bytes; a 1.20.0 client writes about 1 MB with a request
ROOM = 16 * 2**20  # bytes, of all bodies in memory together


class Bodies:
    """The bodies of a process. Twisted has each of more than 100 kB in a file: a tenth of the time of an upload."""

    def __init__(self, room: int = ROOM, largest: int = LARGEST) -> None:
        self.held = 0  # bytes that were promised to bodies in memory
        self._room, self._largest = room, largest

    def begin(self, length: int | None) -> IO[bytes]:
        """Where a body of so many bytes may be written; of None nobody knows the length."""
        if length is None or length > self._largest or self.held + length > self._room:
            return tempfile.TemporaryFile()
        return _InMemory(self, length)


class _InMemory(BytesIO):
    """Gives its room back when it is closed, which Twisted does when the request is answered or its client gone."""

    def __init__(self, bodies: Bodies, length: int) -> None:
        super().__init__()
        self._bodies, self._length = bodies, length
        bodies.held += length

    def close(self) -> None:
        """Its bytes are gone. Twice is fine."""
        self._bodies.held -= self._length
        self._length = 0
        super().close()
