"""The folder of secrets: what of it a backup holds, and how it comes back."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from s4_ops.backup.inventory import Inventory
from s4_runtime import Permanent

Files = dict[str, str]


def kept(folder: Path, inventory: Inventory) -> Files:
    """The files that a backup must hold. Raises Permanent for one that nobody named, and for one that is missing."""
    found: Files = {}
    for path in _paths(folder):
        entry = inventory.secret(path)
        if entry is None:
            raise Permanent("secret-not-in-inventory", file=path)
        if entry.worth == "keep":
            found[path] = _text(folder / path)
    is_local = not any("/" in path for path in found)
    for name, entry in inventory.secrets.items():
        names = entry.local if is_local else entry.kubernetes
        if entry.worth == "keep" and names and not set(names) & set(found):
            raise Permanent("secret-missing", secret=name)
    return found


def encoded(files: Mapping[str, str]) -> bytes:
    """As it is encrypted."""
    return msgspec.json.encode(files)


def decoded(text: bytes) -> Files:
    """What was encrypted. Raises Permanent."""
    try:
        files = msgspec.json.decode(text, type=Files)
    except msgspec.DecodeError:
        raise Permanent("backup-damaged", piece="secrets") from None
    if any(Path(path).is_absolute() or ".." in Path(path).parts for path in files):
        raise Permanent("backup-damaged", piece="secrets")
    return files


def differing(files: Mapping[str, str], folder: Path) -> list[str]:
    """Those that are in the folder, but as something else."""
    return [path for path, text in files.items() if (folder / path).exists() and _text(folder / path) != text]


def bring_back(files: Mapping[str, str], folder: Path, aside: str) -> None:
    """The folder has them, for nobody else to read. Another one is kept beside it, its name ending in ``aside``."""
    for path in differing(files, folder):
        (folder / path).replace((folder / path).with_name(f".{Path(path).name}.{aside}"))
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.restoring")
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        beside.replace(target)


def _paths(folder: Path) -> Iterator[str]:
    """Files, and files of folders: Kubernetes mounts a Secret with more, whose names begin with a dot."""
    if not folder.is_dir():
        raise Permanent("no-folder-of-secrets", folder=str(folder))
    for each in sorted(folder.iterdir()):
        if each.name.startswith("."):
            continue
        if each.is_dir():
            yield from (f"{each.name}/{file.name}" for file in sorted(each.iterdir()) if not file.name.startswith("."))
        else:
            yield each.name


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise Permanent("secret-unreadable", file=path.name) from None
