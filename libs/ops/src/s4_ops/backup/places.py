"""Where backups lie: a folder, or a prefix in a bucket. Each backup is a folder in it, named by its id."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from s4_ops.backup import manifest, signatures
from s4_ops.backup.bucket import Bucket
from s4_ops.backup.manifest import Manifest, Unfinished
from s4_ops.backup.settings import BackupSettings
from s4_ops.backup.signatures import Trust
from s4_runtime import Permanent, Temporary


class Place(Protocol):
    """What a folder and a bucket have in common. Names are ``BACKUP/PIECE``."""

    def put(self, name: str, file: Path) -> None:
        """The file lies there, whole. Raises Permanent when something of that name does already."""
        ...

    def get(self, name: str, target: IO[bytes]) -> bool:
        """What lies there is in the target; False when nothing does."""
        ...

    def backups(self) -> list[str]:
        """The ids of all backups, finished or not, oldest first."""
        ...

    def remove(self, backup: str) -> None:
        """Nothing of the backup is left; its manifest went first."""
        ...


class Folder:
    """A folder of this machine, or of a disk that is mounted on it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, name: str, file: Path) -> None:
        """As Place. Raises Temporary when the disk is full."""
        target = self._root / name
        if target.exists():
            raise Permanent("backup-exists", name=name)
        beside = target.with_name(f".{target.name}.part")
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copyfile(file, beside)
            with beside.open("rb") as copied:
                os.fsync(copied.fileno())
            beside.replace(target)
        except OSError as trouble:
            raise Temporary("backup-not-written", piece=name, why=os.strerror(trouble.errno or 0)) from None

    def get(self, name: str, target: IO[bytes]) -> bool:
        """As Place."""
        try:
            with (self._root / name).open("rb") as source:
                shutil.copyfileobj(source, target, 1 << 20)
        except FileNotFoundError:
            return False
        except OSError as trouble:
            raise Temporary("backup-not-read", piece=name, why=os.strerror(trouble.errno or 0)) from None
        return True

    def backups(self) -> list[str]:
        """As Place."""
        if not self._root.is_dir():
            return []
        return sorted(each.name for each in self._root.iterdir() if manifest.is_backup_id(each.name))

    def remove(self, backup: str) -> None:
        """As Place."""
        (self._root / backup / manifest.NAME).unlink(missing_ok=True)
        shutil.rmtree(self._root / backup, ignore_errors=True)


def place(address: str, settings: BackupSettings) -> Place:
    """``s3://bucket/prefix``, or a folder. Raises Permanent."""
    if not address.startswith("s3://"):
        return Folder(Path(address))
    name, _, prefix = address.removeprefix("s3://").partition("/")
    if not name:
        raise Permanent("backup-place-unreadable", wanted="s3://bucket/prefix")
    return Bucket(name, prefix.strip("/"), settings)


@contextmanager
def fetched(at: Place, name: str, scratch: Path) -> Iterator[IO[bytes]]:
    """A copy of what lies there, to read; gone afterwards. Raises Permanent when nothing lies there."""
    copy = scratch / "fetched"
    try:
        with copy.open("w+b") as file:
            if not at.get(name, file):
                raise Permanent("backup-lacks-piece", piece=name)
            file.seek(0)
            yield file
    except OSError as trouble:
        raise Temporary("no-room-to-fetch", piece=name, why=os.strerror(trouble.errno or 0)) from None
    finally:
        copy.unlink(missing_ok=True)


def manifest_of(at: Place, backup: str, scratch: Path, trust: Trust | None = None) -> Manifest:
    """What the backup says of itself. Raises Unfinished, Unreadable, and Permanent for one that is not trusted."""
    text = _small(at, f"{backup}/{manifest.NAME}", scratch)
    if text is None:
        raise Unfinished("backup-unfinished", backup=backup)
    if trust is not None:
        trust.check(text, _small(at, f"{backup}/{signatures.NAME}", scratch), backup)
    return manifest.decoded(text, backup)


def _small(at: Place, name: str, scratch: Path) -> bytes | None:
    copy = scratch / "small"
    try:
        with copy.open("w+b") as file:
            is_there = at.get(name, file)
        return copy.read_bytes() if is_there else None
    finally:
        copy.unlink(missing_ok=True)
