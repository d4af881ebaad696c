"""Stand-ins under the names of official images: Debian from this machine's apt instead of what nobody can pull here."""

import shutil
import subprocess
from pathlib import Path

from s4_devcloud.image.base import SOURCES, run

PYTHON = "docker.io/library/python:3.11-slim-bookworm"
# With the headers that the official image has, too.
PYTHON_PACKAGES = (
    "python3",
    "python3-venv",
    "python3-pip",
    "libpython3.11-dev",
    "ca-certificates",
    "netbase",
    "tzdata",
)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SUITE = "bookworm"


def debian(folder: Path, packages: tuple[str, ...], *hooks: str) -> Path:
    """A tar of a Debian root with these packages; each hook is a shell command to which "$1" is the root."""
    made = folder / "root.tar"
    sources = "\n\n".join(text for path in SOURCES if path.is_file() and _SUITE in (text := path.read_text()))
    words = ["mmdebstrap", "--variant=minbase", f"--include={','.join(packages)}", "--dpkgopt=force-unsafe-io"]
    run([*words, *(f"--customize-hook={hook}" for hook in hooks), _SUITE, str(made)], typed=sources or None)
    return made


def python(folder: Path) -> Path:
    """What the official image of Python is to those who build on it: `python` and `pip`, free to install packages."""
    link = 'ln -sf /usr/bin/python3.11 "$1/usr/local/bin/{}"'
    free = 'rm -f "$1/usr/lib/python3.11/EXTERNALLY-MANAGED"'
    return debian(folder, PYTHON_PACKAGES, link.format("python"), link.format("python3"), free)


def build_mounts() -> list[str]:
    """What a build on this machine must see to fetch packages: its certificates and its pip's settings."""
    files = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pip.conf"))
    return [f"{file}:{file}" for file in files if file.is_file()]


def sources(root: Path, folder: Path) -> Path:
    """A copy of what git knows of the sources, as it is now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    for name in listed.split("\0"):
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, folder / name)
    return folder
