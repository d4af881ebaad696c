"""Which program the supervisor runs: `up` replaces one that was started from an older source."""

import hashlib
from pathlib import Path

from s4_shop.folder import StateFolder, write_private


def source_version() -> str:
    """Changes when a source file of this package does."""
    total = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def version_of(folder: StateFolder) -> str:
    """The version of the supervisor that was started last."""
    path = folder.run / "supervisor.version"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def note_version(folder: StateFolder) -> None:
    """The supervisor of this folder runs this source."""
    write_private(folder.run / "supervisor.version", source_version())
