"""A control group of its own for each machine: two systemds never see each other's, and nothing escapes the end."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
HIERARCHIES = ("systemd", "unified", "pids", "memory")  # of a hybrid machine; elsewhere there is one for all
GONE_SECONDS = 5.0


def create(name: str) -> list[Path]:
    """The machine's group in every hierarchy that matters."""
    groups = [root / name for root in _roots()]
    for group in groups:
        group.mkdir(exist_ok=True)
    return groups


def kill(name: str) -> None:
    """Every process in the machine's groups is dead and waited for by the kernel, the groups are gone."""
    deadline = time.monotonic() + GONE_SECONDS
    groups = [root / name for root in _roots() if (root / name).is_dir()]
    while members := {pid for group in groups for pid in _members(group)}:
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    for group in groups:
        _remove(group)


def named(prefix: str) -> set[str]:
    """The machines' groups that begin like this."""
    return {path.name for root in _roots() for path in root.glob(f"{prefix}*") if path.is_dir()}


def _roots() -> list[Path]:
    if (MOUNT / "cgroup.procs").exists():
        return [MOUNT]
    return [MOUNT / name for name in HIERARCHIES if (MOUNT / name / "cgroup.procs").exists()]


def _members(group: Path) -> set[int]:
    found: set[int] = set()
    for path in group.rglob("cgroup.procs"):
        with suppress(OSError):  # a group can vanish while we look
            found.update(int(pid) for pid in path.read_text().split() if pid != "0")
    return found


def _remove(group: Path) -> None:
    for folder in [*sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True), group]:
        with suppress(OSError):  # the kernel removes a group some moments after its last process
            folder.rmdir()
