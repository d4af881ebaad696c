"""Uploads on their way to the bucket, each a file of its own. They mean nothing after a restart, and are swept then."""

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOST_FILES = 1000  # of one grid; each is open, and the files that a process may have open are all grids' and sockets
_PREFIX, _SUFFIX = "s4-upload-", ".spool"
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class SpoolError(Exception):
    """The spool did not do it; `code` is the system's name of the error, CAP or FILES."""

    def __init__(self, code: str) -> None:
        super().__init__(f"spool: {code}")
        self.code = code


class SpoolFull(SpoolError):
    """There is no room: the grid's cap is reached (CAP), it has too many uploads (FILES), or the disk is full."""


class SpoolBroken(SpoolError):
    """The disk fails."""


class Spool:
    """A folder for uploads, `max_bytes` and MOST_FILES at most. Room counts when it is reserved, not when it is filled.

    The folder is the grid's own. Each file is locked for as long as its process lives (flock): the sweep removes what
    a dead process left, and neither a living one's nor anything that is not an upload.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder, self.max_bytes, self.reserved, self.files = folder, max_bytes, 0, 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.swept = sum(_removed(path) for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"))

    def reserve(self, size: int) -> "SpoolFile":
        """A file of this size, full of zeros that take no room on the disk. Raises SpoolFull, SpoolBroken."""
        if self.reserved + size > self.max_bytes:
            raise SpoolFull("CAP")
        if self.files >= MOST_FILES:
            raise SpoolFull("FILES")
        with _clear_errors():
            if shutil.disk_usage(self.folder).free < size:
                raise SpoolFull("ENOSPC")
            file = SpoolFile(self, size)
        self.reserved += size
        self.files += 1
        return file


class SpoolFile:
    """Bytes that were reserved. Reading and writing raise SpoolFull or SpoolBroken when the disk does."""

    def __init__(self, spool: Spool, size: int) -> None:
        self.size = size
        self._spool = spool
        self._descriptor, name = tempfile.mkstemp(_SUFFIX, _PREFIX, spool.folder)
        self.path = Path(name)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._descriptor, size)
        except OSError:
            self._remove()
            raise

    def write(self, offset: int, piece: bytes | memoryview) -> None:
        """Store it there."""
        left = memoryview(piece)
        with _clear_errors():
            while left:
                written = os.pwrite(self._descriptor, left, offset)
                left, offset = left[written:], offset + written

    def read(self, offset: int, length: int) -> bytes:
        """What is there."""
        with _clear_errors():
            return os.pread(self._descriptor, length, offset)

    def release(self) -> None:
        """The file is gone and its room is free. Twice is fine."""
        if self._descriptor >= 0:
            self._remove()
            self._spool.reserved -= self.size
            self._spool.files -= 1

    def _remove(self) -> None:
        with contextlib.suppress(OSError):  # the next start sweeps what stays
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1


@contextmanager
def _clear_errors() -> Iterator[None]:
    try:
        yield
    except OSError as failed:
        code = errno.errorcode.get(failed.errno or 0, "EIO")
        raise (SpoolFull if failed.errno in _NO_ROOM else SpoolBroken)(code) from None


def _removed(path: Path) -> bool:
    """Whether this was left by a process that is dead, and is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
