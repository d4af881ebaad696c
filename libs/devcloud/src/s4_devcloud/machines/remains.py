"""What a killed driver leaves behind, and how to be sure that it is ours."""

import subprocess
import time
from pathlib import Path

from s4_devcloud.image.shelf import mounts_below

BUSY_SECONDS = 2.0


def process_is(pid: int, argument: str) -> bool:
    """This pid belongs to a process that was started with this argument, and not to a later one."""
    try:
        return argument.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def unmount_below(folder: Path) -> None:
    """Nothing is mounted in the folder; a mount that stays busy is detached."""
    deadline = time.monotonic() + BUSY_SECONDS
    while mounted := mounts_below(folder):
        lazily = ["--lazy"] if time.monotonic() > deadline else []
        done = subprocess.run(["umount", *lazily, mounted[0]], check=False, capture_output=True)
        if done.returncode:
            time.sleep(0.02)
