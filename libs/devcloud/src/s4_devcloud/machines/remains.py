"""What a killed driver leaves behind, how to be sure that it is ours, and how to end it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from s4_devcloud.image.shelf import mounts_below

BUSY_SECONDS = 2.0
GONE_SECONDS = 5.0


def pid_in(file: Path, argument: str) -> int | None:
    """The pid in the file, if it still belongs to a process whose command line has this argument."""
    with suppress(OSError, ValueError):
        pid = int(file.read_text())
        if argument.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    return None


def descendants(pid: int | None) -> set[int]:
    """The process and all that descends from it."""
    if pid is None:
        return set()
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(") ")[2].split()
            if fields[0] != "Z":
                parents[int(stat.parent.name)] = int(fields[1])
    found, edge = {pid} & set(parents), {pid}
    while edge:
        edge = {child for child, parent in parents.items() if parent in edge} - found
        found |= edge
    return found


def marked(variable: str) -> set[int]:
    """The processes with this NAME=VALUE in their environment."""
    found = set()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if variable.encode() in environ.read_bytes().split(b"\0"):
                found.add(int(environ.parent.name))
    return found


def kill_all(living: Callable[[], set[int]]) -> None:
    """Kill until `living` finds nobody; a process that was just started by a killed one dies too."""
    deadline = time.monotonic() + GONE_SECONDS
    while (pids := living()) and time.monotonic() < deadline:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def unmount_below(folder: Path) -> None:
    """Nothing is mounted in the folder; a mount that stays busy is detached."""
    deadline = time.monotonic() + BUSY_SECONDS
    while mounted := mounts_below(folder):
        lazily = ["--lazy"] if time.monotonic() > deadline else []
        done = subprocess.run(["umount", *lazily, mounted[0]], check=False, capture_output=True)
        if done.returncode:
            time.sleep(0.02)
