"""A grid's directory: made beside and renamed, later changed file by file, and never without what clients stored."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from s4_node.host.owner import Owner
from s4_node.host.specification import SEQUENCE


@contextmanager
def only_one(notes: Path, grid_id: str) -> Iterator[None]:
    """No other host command works on that grid meanwhile."""
    notes.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (notes / f"{grid_id}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write(path: Path, text: str) -> None:
    """The file holds `text` and only its owner reads it; whoever looks meanwhile sees the old text or the new."""
    beside = path.with_name(f".{path.name}.new")
    with suppress(FileNotFoundError):
        beside.unlink()  # left behind by a command that was killed
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)


def lay_out(home: Path, files: Mapping[str, str], owner: Owner) -> bool:
    """The grid's directory holds these files, whatever else it holds; True when one of them had to be written."""
    if not home.exists():
        _create(home, files, owner)
        return True
    with owner.acting():
        differing = [path for path, text in files.items() if _read(home / path) != text]
        for path in differing:
            (home / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write(home / path, files[path])
    return bool(differing)


def raise_sequence(home: Path, at_least: int, owner: Owner) -> None:
    """The announcement number is at least that; it is never lowered, or running clients ignore what is announced."""
    path = home / "storage" / SEQUENCE
    with owner.acting():
        present = (_read(path) or "").strip()
        if not present.isdecimal() or int(present) < at_least:
            write(path, f"{at_least}\n")


def delete(home: Path) -> bool:
    """The directory is gone with all that was stored in it; False when there was none."""
    gone = home.with_name(f".gone-{home.name}")
    with suppress(FileNotFoundError):
        home.rename(gone)
    if not gone.exists():
        return False
    shutil.rmtree(gone)
    return True


def _create(home: Path, files: Mapping[str, str], owner: Owner) -> None:
    beside = home.with_name(f".new-{home.name}")
    if beside.exists():
        shutil.rmtree(beside)
    beside.mkdir(mode=0o700)
    os.chown(beside, owner.uid, owner.gid)
    with owner.acting():
        for path, text in files.items():
            (beside / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write(beside / path, text)
    beside.rename(home)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
