"""The base layer: Debian with systemd, sshd and cloud-init, trimmed until it boots quickly."""

import json
import shutil
import subprocess
from pathlib import Path

from s4_devcloud.image import recipe
from s4_devcloud.image.shelf import digest

SOURCES = (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*.sources")))


class BakeFailed(Exception):
    """A tool said no; its last words are in the text."""


def name() -> str:
    """The layer's name: the hash of the recipe."""
    inputs = [recipe.SUITE, recipe.PACKAGES, recipe.LEFT_OUT, recipe.FILES, recipe.LINKS, recipe.NODE_USER]
    return f"base-{digest(json.dumps([*inputs, recipe.NODE_HOME]))}"


def bake(root: Path) -> None:
    """Fill `root`. The packages come from where this machine's own apt gets its Debian packages."""
    excluded = [f"--dpkgopt=path-exclude={path}" for path in recipe.LEFT_OUT]
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(recipe.PACKAGES)}"]
    run([*command, *excluded, "--dpkgopt=force-unsafe-io", recipe.SUITE, str(root)], typed=_debian_sources())
    run(["chroot", str(root), "useradd", "--system", "--home-dir", recipe.NODE_HOME, recipe.NODE_USER])
    (root / recipe.NODE_HOME.lstrip("/")).mkdir(exist_ok=True)
    for path, content in recipe.FILES.items():
        write(root / path, content)
    for path, target in recipe.LINKS.items():
        link = root / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    (root / "etc/machine-id").write_text("")
    shutil.rmtree(root / "etc/apt/sources.list.d", ignore_errors=True)
    (root / "etc/apt/sources.list").write_text("")
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/hostname").unlink(missing_ok=True)
    shutil.rmtree(root / "var/lib/apt/lists")


def run(command: list[str], *, typed: str | None = None, env: dict[str, str] | None = None) -> None:
    """Run a tool to its end. Raises BakeFailed with the end of what it printed."""
    try:
        done = subprocess.run(
            command,
            check=False,
            input=typed,
            stdin=None if typed is not None else subprocess.DEVNULL,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
        )
    except FileNotFoundError:
        raise BakeFailed(f"{command[0]} is not installed") from None
    if done.returncode:
        raise BakeFailed(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-3000:]}")


def write(path: Path, content: str, mode: int = 0o644) -> None:
    """The file with this content, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)


def _debian_sources() -> str | None:
    """The entries of this machine's apt that offer our suite; None lets mmdebstrap use its default."""
    found = [text for path in SOURCES if path.is_file() and recipe.SUITE in (text := path.read_text())]
    return "\n\n".join(found) or None
