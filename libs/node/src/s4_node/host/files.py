"""A grid's files: written all or not at all, and only by one command at a time."""

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from s4_node.host.owner import Owner

LOOK_AGAIN_SECONDS = 0.02
ROOM = 2**20  # bytes; a grid's files are 30 KiB, and systemd's and useradd's own are not many more
LONGEST = 64 * 2**10  # of what is read: every file that the host writes is shorter


class Busy(Exception):
    """Another command works on it, and went on for longer than could be waited."""


@contextmanager
def only_one(notes: Path, name: str, within: float | None = None) -> Iterator[None]:
    """No other host command works on what is called so meanwhile. Raises Busy when that was so for `within` seconds."""
    notes.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _locked(notes / f"{name}.lock", None if within is None else time.monotonic() + within)
    try:
        yield
    finally:
        os.close(lock)


def write(path: Path, text: str) -> None:
    """The file holds `text` and only its owner reads it; whoever looks meanwhile sees the old text or the new."""
    _staged(path, text).rename(path)


def read(path: Path) -> str | None:
    """What the file holds; None where there is none, or something else than a file of the host's."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file, suppress(UnicodeDecodeError, OSError):
        return file.read(LONGEST).decode()
    return None


def create(home: Path, files: Mapping[str, str], owner: Owner) -> None:
    """The directory is there, with these files and nothing else; or it is not there."""
    remove(home)
    try:
        home.mkdir(mode=0o700)
        os.chown(home, owner.uid, owner.gid)
        with owner.acting():
            for path, text in files.items():
                (home / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                write(home / path, text)
    except OSError:
        remove(home)
        raise


def differing(home: Path, files: Mapping[str, str], owner: Owner) -> dict[str, str]:
    """Those of the files that the directory does not hold so."""
    with owner.acting():
        return {path: text for path, text in files.items() if read(home / path) != text}


def replace(home: Path, files: Mapping[str, str], owner: Owner) -> None:
    """All of the files hold their text; where one could not be written, none of them was touched."""
    staged: dict[Path, Path] = {}
    with owner.acting():
        try:
            for path, text in files.items():
                (home / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                staged[home / path] = _staged(home / path, text)
        except OSError:
            for beside in staged.values():
                beside.unlink(missing_ok=True)
            raise
        for final, beside in staged.items():
            beside.rename(final)


def remove(directory: Path) -> bool:
    """There is no such directory; False when there was none."""
    with suppress(FileNotFoundError):
        shutil.rmtree(directory)
        return True
    return False


def require_room(directory: Path) -> None:
    """Raise the error of a full disk, unless there is room for what a command writes about a grid."""
    found = os.statvfs(directory)
    if found.f_bavail * found.f_frsize < ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(directory))


def _staged(path: Path, text: str) -> Path:
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)  # left behind by a command that was killed
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return beside


def _locked(path: Path, deadline: float | None) -> int:
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if deadline is None else fcntl.LOCK_NB))
            with suppress(FileNotFoundError):  # whoever held it has removed it
                if path.stat().st_ino == os.fstat(lock).st_ino:
                    return lock
        except BlockingIOError:
            if deadline is not None and time.monotonic() > deadline:
                os.close(lock)
                raise Busy from None
            time.sleep(LOOK_AGAIN_SECONDS)
        os.close(lock)
