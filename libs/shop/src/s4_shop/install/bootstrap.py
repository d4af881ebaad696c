"""From a bare machine to one on which everything of this repository runs: `python3 tools/bootstrap.py`."""

import fcntl
import os
import shlex
import sys
from pathlib import Path

from s4_shop.install import debian, environment, kubectl
from s4_shop.install.needs import Need, missing, needs

_PYTHON = (3, 11)


def main(root: Path, *, for_tests: bool) -> int:
    """0 when all that is required is there. What is missing, and why it is needed, is said before it is installed."""
    if sys.version_info[:2] != _PYTHON:
        say(f"S4 runs on Python 3.11; this is {sys.version.split()[0]}. Install python3.11 or set PYTHON=/path/to/it.")
        return 1
    is_root = os.geteuid() == 0
    wanted = needs(is_root=is_root, for_tests=for_tests)
    (root / ".s4").mkdir(exist_ok=True)
    with (root / ".s4" / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        status = install(root, wanted, environment.workspace(root, for_tests=for_tests), is_root=is_root)
        if for_tests and not status:
            kubectl.unpack(root / ".venv")
        return status


def install(root: Path, wanted: list[Need], environments: list[environment.Environment], *, is_root: bool) -> int:
    """0 when the programs and the environments are there; a second time it does nothing."""
    try:
        if not programs(wanted, is_root=is_root):
            return 1
        for one in environments:
            environment.make(one, root, say)
    except (debian.InstallFailed, environment.EnvironmentFailed) as trouble:
        say(f"the installation failed:\n{trouble}")
        return 1
    return 0


def programs(wanted: list[Need], *, is_root: bool) -> bool:
    """The programs are there as far as we may install them; False when a required one is not."""
    lacking = missing(wanted)
    if not lacking:
        return True
    say("missing on this machine:")
    for need in lacking:
        say(f"  {' '.join(need.packages):<34} {need.why}" + (f" (without: {need.without})" if need.without else ""))
    packages = [package for need in lacking for package in need.packages]
    if is_root:
        debian.install(packages, say)
        return _complain(missing(lacking), "still missing after the installation")
    say("only root can install them:\n  " + shlex.join(["sudo", *debian.install_command(packages)]))
    return _complain(lacking, "nothing works without")


def say(text: str) -> None:
    """One line for the person at the keyboard, now."""
    print(text, flush=True)


def _complain(lacking: list[Need], how: str) -> bool:
    required = [package for need in lacking if need.is_required for package in need.packages]
    if required:
        say(f"{how}: {' '.join(required)}")
    return not required
