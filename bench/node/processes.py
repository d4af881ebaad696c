"""Processes of this run: each is ended when the run ends, in whatever way, and how busy they were meanwhile."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 60.0  # seconds for any process to be ready
_PR_SET_PDEATHSIG = 1


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def until(claim: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            raise SystemExit(f"not in {seconds:.0f} s: {what}")
        time.sleep(0.05)


def _dies_with_us() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Started:
    """One process that this run has started."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def require_alive(self) -> None:
        if self.process.poll() is not None:
            raise SystemExit(f"{self.name} has ended:\n{self.log.read_text()[-2000:]}")

    def cpu_seconds(self) -> float:
        """What it has used of the processors until now."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mib(self, which: str) -> float:
        """VmRSS is what it holds now, VmHWM the most since it was started or `forget_peak` was called."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(which + ":"):
                return int(line.split()[1]) / 1024
        raise SystemExit(f"{self.name} has no {which}")

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


@dataclass
class Processes:
    """Every process of this run, in a folder with their logs."""

    folder: Path
    started: list[Started] = field(default_factory=list)

    def start(self, name: str, command: Sequence[str | Path], *, is_answering: bool = False) -> Started:
        """In a group of its own: Ctrl-C is this run's to deal with."""
        log = self.folder / f"{name}.log"
        with log.open("ab") as sink:
            process = subprocess.Popen(  # noqa: S603  ours
                [str(word) for word in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if is_answering else sink,
                stderr=sink,
                cwd=self.folder,
                start_new_session=True,
                preexec_fn=_dies_with_us,  # noqa: PLW1509  before any thread is started here
            )
        self.started.append(Started(name, process, log))
        return self.started[-1]

    def answer(self, started: Started) -> dict[str, Any]:
        """The first line it prints, which is JSON."""
        line = started.process.stdout.readline() if started.process.stdout else b""
        if not line:
            started.process.wait(10)
            started.require_alive()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def last_words(self) -> str:
        """The ends of the storage servers' logs, which are gone with the folder."""
        servers = [one for one in self.started if one.name.endswith("-storage")]
        return "\n".join(f"{one.name}:\n{one.log.read_text(errors='replace')[-1500:]}" for one in servers)

    def stop(self, *which: Started) -> None:
        for one in which or tuple(reversed(self.started)):
            one.stop()
            self.started.remove(one)


@contextmanager
def processes(folder: Path) -> Iterator[Processes]:
    """A folder of processes, none of which is left afterwards; a SIGTERM ends the run as Ctrl-C does."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    ours = Processes(folder)
    try:
        yield ours
    except SystemExit as failed:
        raise SystemExit(f"{failed}\n{ours.last_words()}") from None
    finally:
        ours.stop()


@dataclass
class Load:
    """How busy the machine was: by the processes of this run, and by everything else."""

    ours: float
    others: float
    seconds: float

    @property
    def foreign(self) -> float:
        """Which part of the machine others used."""
        return self.others / self.seconds / (os.cpu_count() or 1)

    def __str__(self) -> str:
        cores = os.cpu_count() or 1
        used, foreign = (100 * part / self.seconds / cores for part in (self.ours, self.others))
        return f"{cores} cores, {used:.0f} % used by this run, {foreign:.0f} % by others"


class LoadMeter:
    """Begins to measure when it is made."""

    def __init__(self, ours: Processes) -> None:
        self._ours = ours
        self._began = time.monotonic(), _busy(), self._own()

    def reading(self) -> Load:
        at, busy, own = self._began
        mine = self._own() - own
        return Load(mine, max(0.0, _busy() - busy - mine), time.monotonic() - at)

    def _own(self) -> float:
        times = os.times()
        mine = times.user + times.system + times.children_user + times.children_system
        return mine + sum(one.cpu_seconds() for one in self._ours.started if one.process.poll() is None)


def _busy() -> float:
    """Seconds that all processors together were busy since the machine was started."""
    fields = Path("/proc/stat").read_text().split("\n")[0].split()
    user, nice, system, _idle, _waiting, *interrupts = map(int, fields[1:8])
    return (user + nice + system + sum(interrupts)) / TICKS
