"""Processes that outlive whoever started them, and are only ever touched when they are surely ours.

A process is named by its pid *and* its start time: a pid alone is reused by the kernel, the pair is not.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_POLL_SECONDS = 0.02
_NOT_INHERITED = ("S4_", "SHOP_", "AWS_", "PG", "RABBITMQ_", "ERL_", "PYTEST_", "NOTIFY_", "MAKE", "MFLAGS", "PYTHON")
# Fields of /proc/PID/stat after the command name (proc(5) counts them 3, 4, 6 and 22).
_STATE, _PARENT, _SESSION, _START = 0, 1, 3, 19


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to run, as data. `user` is the account to become when we are root."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: Path | None = None
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM


@dataclass(frozen=True)
class Process:
    """One process of this machine since its start (clock ticks after boot `boot`)."""

    pid: int
    started: int
    boot: str

    @property
    def is_alive(self) -> bool:
        """True while exactly this process runs (a zombie does not)."""
        fields = _stat(self.pid)
        alive = fields is not None and fields[_STATE] not in "ZX" and int(fields[_START]) == self.started
        return alive and self.boot == _boot_id()

    def send(self, number: signal.Signals) -> bool:
        """Send a signal; False when the process is no longer there."""
        if not self.is_alive:
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True

    def wait(self, within: float) -> bool:
        """True once the process has ended; False when it still runs after `within` seconds."""
        deadline = time.monotonic() + within
        while self.is_alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def stop(self, number: signal.Signals = signal.SIGTERM, within: float = 20.0) -> None:
        """The process and what it left in its own session have ended: politely first, then by SIGKILL."""
        if self.send(number) and not self.wait(within):
            self.send(signal.SIGKILL)
            self.wait(5.0)
        for pid in session(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)  # when it was our own child, nothing of it stays in the process table


def identify(pid: int) -> Process | None:
    """The process that has this pid now."""
    fields = _stat(pid)
    return None if fields is None else Process(pid, int(fields[_START]), _boot_id())


class Child(subprocess.Popen[bytes]):
    """A child that may outlive this program: dropping the object neither warns nor waits."""

    def __del__(self) -> None:
        self.poll()


def spawn(command: Command, *, log: Path, pid_file: Path) -> Child:
    """The command runs in a session of its own; its output is appended to `log` and its identity is in `pid_file`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    become = command.user if command.user and os.geteuid() == 0 else None
    with log.open("ab") as output:
        child = Child(
            list(command.argv),
            env={**_inherited(), **command.env},
            cwd=command.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=become,
            group=become,
            extra_groups=[] if become else None,
        )
    remember(child.pid, pid_file)
    return child


def remember(pid: int, pid_file: Path) -> None:
    """The identity of a running process is in the file."""
    process = identify(pid)
    if process is None:
        pid_file.unlink(missing_ok=True)
        return
    text = json.dumps({"pid": process.pid, "started": process.started, "boot": process.boot})
    beside = pid_file.with_name(f".{pid_file.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(pid_file)


def recall(pid_file: Path) -> Process | None:
    """The process that the file names, if exactly that one still runs."""
    try:
        known = json.loads(pid_file.read_text(encoding="utf-8"))
        process = Process(int(known["pid"]), int(known["started"]), str(known["boot"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return process if process.is_alive else None


def stop(pid_file: Path, number: signal.Signals = signal.SIGTERM, within: float = 20.0) -> bool:
    """What the file names has ended and the file is gone; True when it had been running."""
    process = recall(pid_file)
    if process is not None:
        process.stop(number, within)
    pid_file.unlink(missing_ok=True)
    return process is not None


def last_lines(log: Path, count: int = 12, *, since: int = 0) -> str:
    """The end of a log file, or of what was added `since`, for a person who asks why."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(since, file.tell() - 16_384))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-count:])


def _inherited() -> dict[str, str]:
    """Our environment without what would speak to a part by accident: only a part's own settings reach it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}


def session(leader: int) -> list[int]:
    """Pids of the session that `leader` began (its number is not reused while one of them lives)."""
    return [pid for pid, fields in _everybody().items() if int(fields[_SESSION]) == leader]


def family(pid: int) -> list[int]:
    """The process and all its descendants."""
    parents = {child: int(fields[_PARENT]) for child, fields in _everybody().items()}
    members = [pid]
    for member in members:
        members += [child for child, parent in parents.items() if parent == member]
    return members


def _everybody() -> dict[int, list[str]]:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    known = {pid: fields for pid in pids if (fields := _stat(pid)) is not None}
    return {pid: fields for pid, fields in known.items() if fields[_STATE] not in "ZX"}


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
