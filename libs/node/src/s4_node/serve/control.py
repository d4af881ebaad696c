"""The socket at which a shard is told what to do: HTTP and JSON in DIR/control.sock, for its owner only.

GET  /grids     {"version": of the running program, "grids": {GRID_ID: the grid's condition}}
POST /apply     the grids with what was done about each: "change", one of added, restarted, retried, kept, removed

With ?grid=GRID_ID both are about one grid; the second then answers as soon as its old nodes are closed, and does not
wait until it was tried again. A process with one grid, `s4-node run --control`, answers the first only.
"""

import fcntl
import http.client
import json
import os
import socket
from pathlib import Path
from typing import Any

NAME = "control.sock"
APPLIED_WITHIN_SECONDS = 600.0
LONGEST_ANSWER = 16 * 2**20


class TakenByAnother(Exception):
    """Another process serves this directory."""


class NobodyServes(Exception):
    """No process answers for this directory."""


class ControlSocket:
    """Where the shard of `directory` is spoken to; held by one process until that ends, in whatever way."""

    def __init__(self, directory: Path) -> None:
        """Raises TakenByAnother, or OSError when there is no such directory."""
        # a socket's own path has room for 107 bytes; this one is reached through the open directory
        self._directory = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        self._lock = os.open(".control.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600, dir_fd=self._directory)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TakenByAnother(f"another process serves {directory}") from None
        (directory / NAME).unlink(missing_ok=True)  # of a process that was killed

    @property
    def address(self) -> str:
        """The path to listen at."""
        return f"/proc/self/fd/{self._directory}/{NAME}"


class _Connection(http.client.HTTPConnection):
    def __init__(self, directory: Path, seconds: float) -> None:
        super().__init__("shard", timeout=seconds)
        self._directory = directory

    def connect(self) -> None:
        held = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect(f"/proc/self/fd/{held}/{NAME}")
        finally:
            os.close(held)


def ask(directory: Path, method: str, path: str, seconds: float = APPLIED_WITHIN_SECONDS) -> dict[str, Any]:
    """What the process that serves `directory` answers. Raises NobodyServes."""
    connection = _Connection(directory, seconds)
    try:
        connection.request(method, path)
        answer = json.loads(connection.getresponse().read(LONGEST_ANSWER))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NobodyServes(f"no process serves {directory}: {type(error).__name__}") from error
    finally:
        connection.close()
    if not isinstance(answer, dict):
        raise NobodyServes(f"no process serves {directory}: it answers in another way")
    return answer
