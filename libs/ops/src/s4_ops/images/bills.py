"""Bills of materials belong to a release: it names the digest of each, and its signature covers that."""

import hashlib
from pathlib import Path

from s4_ops.images.release import Release
from s4_runtime import Permanent


def digest(path: Path) -> str:
    """Of the file's bytes."""
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def file_of(folder: Path, name: str) -> Path:
    """Where the bill of an image is."""
    return folder / f"s4-{name}.cdx.json"


def verify(release: Release, folder: Path) -> int:
    """How many bills there are: one for each image, each as the release says. Raises Permanent."""
    if missing := sorted(release.images.keys() - release.bills.keys()):
        raise Permanent("bill-not-in-release", image=missing[0], revision=release.revision)
    for name, wanted in sorted(release.bills.items()):
        path = file_of(folder, name)
        if not path.is_file():
            raise Permanent("bill-missing", file=str(path))
        if digest(path) != wanted:
            raise Permanent("bill-of-something-else", file=str(path))
    return len(release.bills)
