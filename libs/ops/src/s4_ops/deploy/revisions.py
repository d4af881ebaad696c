"""What git knows: whether a revision was merged, and the manifests that belong to it."""

import io
import subprocess
import zipfile
from pathlib import Path

from s4_runtime import Permanent

_MAIN = ("refs/remotes/origin/main", "refs/heads/main")


def require_merged(repository: Path, revision: str) -> None:
    """Raise Permanent unless the revision is part of main (of origin's, where there is one)."""
    main = next((ref for ref in _MAIN if _git(repository, "rev-parse", "--verify", "--quiet", ref) is not None), None)
    if main is None:
        raise Permanent("no-main-branch", repository=str(repository))
    if _git(repository, "cat-file", "-e", f"{revision}^{{commit}}") is None:
        raise Permanent("unknown-revision", revision=revision)
    if _git(repository, "merge-base", "--is-ancestor", revision, main) is None:
        raise Permanent("revision-not-merged", revision=revision, branch=main)


def manifests(repository: Path, revision: str, folder: Path) -> Path:
    """The folder k8s of this revision, laid out in the folder; what is changed in the working tree is not in it."""
    archive = _git(repository, "archive", "--format=zip", revision, "k8s")
    if archive is None:
        raise Permanent("no-manifests", revision=revision)
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        packed.extractall(folder)
    return folder / "k8s"


def _git(repository: Path, *words: str) -> bytes | None:
    """What git printed; nothing when it said no."""
    try:
        done = subprocess.run(["git", "-C", str(repository), *words], capture_output=True, check=False)
    except FileNotFoundError:
        raise Permanent("no-git") from None
    return done.stdout if done.returncode == 0 else None
