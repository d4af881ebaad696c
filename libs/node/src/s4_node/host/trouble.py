"""What kept the host from doing something, as a short code."""

import errno
import subprocess
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)


def code_of(error: Exception) -> str:
    """`disk-full`, `PROGRAM-failed`, or the class of the error; never its text, which may hold what a file does."""
    if isinstance(error, OSError) and error.errno in FULL:
        return "disk-full"
    if isinstance(error, subprocess.CalledProcessError | subprocess.TimeoutExpired):
        how = "silent" if isinstance(error, subprocess.TimeoutExpired) else "failed"
        return f"{Path(error.cmd[0]).name}-{how}"
    return type(error).__name__
