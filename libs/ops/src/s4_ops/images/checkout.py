"""Of which revision the sources are."""

import subprocess
import tomllib
from pathlib import Path

from s4_runtime import Permanent

# What goes into images; a change elsewhere is not in them.
_INSIDE = ("Dockerfile", ".dockerignore", "requirements", "libs", "services")


def revision(root: Path) -> str:
    """The commit, with "-changed" when the sources of images differ from it; "unknown" outside of git."""
    found = _git(root, "rev-parse", "HEAD")
    if found is None:
        return "unknown"
    return found.strip() + ("-changed" if _changed(root) else "")


def require_committed(root: Path) -> None:
    """Raise Permanent when what would be pushed is not what git knows."""
    if _git(root, "rev-parse", "HEAD") is None:
        raise Permanent("no-revision", folder=str(root))
    if changed := _changed(root):
        raise Permanent("uncommitted-changes", files=len(changed), first=changed[0])


def version(root: Path) -> str:
    """The project's own."""
    with (root / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def _changed(root: Path) -> list[str]:
    told = _git(root, "status", "--porcelain", "--", *_INSIDE) or ""
    return [line[3:] for line in told.splitlines()]


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
