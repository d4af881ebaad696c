"""Bringing the parts of a folder up and down, and following what happens to them meanwhile."""

import asyncio
import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import SIGKILL, Signals

from s4_shop import plan, processes, status
from s4_shop.folder import StateFolder
from s4_shop.plan import Part
from s4_shop.processes import Command
from s4_shop.status import Exit, PartStatus
from s4_shop.version import source_version, version_of

Report = Callable[[str], None]

_TICK = 0.1  # seconds
_TRIES = 3  # failures of one part before `up` gives up waiting for it


class PartFailed(Exception):
    """A part does not stay up. The text names it, says how it ended and shows its last log lines."""

    def __init__(self, part: str, ending: str, lines: str) -> None:
        super().__init__(f"{part} {ending}. Its last log lines:\n{_indented(lines)}")
        self.part = part


class Follower:
    """Tells, once, everything that happens to the parts, but of each part no more than `most` failures."""

    def __init__(self, folder: StateFolder, report: Report, most: float = _TRIES - 1) -> None:
        self._most = most
        self._folder = folder
        self._report = report
        self._seen: dict[str, str] = {}
        self._exits: dict[str, float] = {name: _last_exit(one) for name, one in status.load(folder.status).items()}
        self._read = {path.stem: path.stat().st_size for path in folder.logs.glob("*.log")}
        self.failures: dict[str, int] = {}

    def mute(self) -> None:
        """What is up already is no news."""
        self._seen = {name: one.state for name, one in status.load(self._folder.status).items()}

    def look(self, parts: Sequence[Part]) -> dict[str, PartStatus]:
        """The parts as they are now; what is new about them has been reported."""
        now = status.load(self._folder.status)
        for part in parts:
            one = now.get(part.name, PartStatus())
            if part.shows_progress and one.state in ("starting", "done"):
                self._progress(part)
            for ending in one.exits:
                if ending.at > self._exits.get(part.name, 0.0):
                    self._exits[part.name] = ending.at
                    self.failures[part.name] = self.failures.get(part.name, 0) + 1
                    if self.failures[part.name] <= self._most:  # the last one is told by who gives up
                        self._tell(part.name, ending)
            if one.digest == part.digest and self._seen.get(part.name) != one.state:
                self._seen[part.name] = one.state
                if one.state in ("ready", "done"):
                    seconds = "" if one.seconds_to_ready is None else f"{one.seconds_to_ready:6.1f} s"
                    self._report(f"  {part.name:<22} {one.state:<8}{seconds}")
        return now

    def _tell(self, name: str, ending: Exit) -> None:
        self._report(f"  {name} {ending}. Its last log lines:\n{_indented(ending.lines)}")

    def _progress(self, part: Part) -> None:
        with contextlib.suppress(FileNotFoundError), self._folder.log(part.name).open("rb") as file:
            file.seek(self._read.get(part.name, 0))
            text = file.read()
            whole, _, _ = text.rpartition(b"\n")
            self._read[part.name] = self._read.get(part.name, 0) + len(whole)
        for line in whole.decode("utf-8", "replace").splitlines():
            if line.startswith(f"{part.name}: "):
                self._report(f"    {line[:110]}")


async def up(folder: StateFolder, parts: Sequence[Part], report: Report, *, within: float = 300.0) -> None:
    """Every part runs and is ready. Repeatable: what runs as planned is left alone, what is missing is started.

    Raises PartFailed when a part does not stay up or is not ready in time.
    """
    folder.create()
    for held in folder.run.glob("*.held"):
        held.unlink()
    follower = Follower(folder, report)
    if version_of(folder) != source_version():
        processes.stop(folder.supervisor_pid, SIGKILL)  # an older program; what it started is adopted
    if plan.load(folder.plan) != list(parts):
        plan.save(folder.plan, parts)
    await ready(folder, parts, follower, within=within)


async def ready(folder: StateFolder, parts: Sequence[Part], follower: Follower, *, within: float) -> None:
    """These parts are ready; a supervisor watches them."""
    deadline = time.monotonic() + within
    while True:
        await supervised(folder)
        now = follower.look(parts)
        followed = processes.recall(folder.following) is not None  # else the status is another supervisor's
        missing = [part.name for part in parts if not followed or not _is_up(folder, part, now.get(part.name))]
        if not missing:
            return
        for name, count in follower.failures.items():
            if count >= _TRIES and name in missing:
                raise PartFailed(
                    name, f"ended {count} times", processes.last_lines(folder.log(name), since=now[name].log_from)
                )
        if time.monotonic() > deadline:
            started = [name for name in missing if now.get(name, PartStatus()).state != "waiting"]
            name = (started or missing)[0]
            raise PartFailed(name, f"was not ready within {within:g} s", processes.last_lines(folder.log(name)))
        await asyncio.sleep(_TICK)


async def supervised(folder: StateFolder) -> None:
    """A supervisor watches the folder."""
    if processes.recall(folder.supervisor_pid) is not None:
        return
    command = Command(argv=[sys.executable, "-m", "s4_shop.supervisor", str(folder.root)])
    child = processes.spawn(command, log=folder.log("supervisor"), pid_file=folder.run / "supervisor-start.pid")
    deadline = time.monotonic() + 30.0
    while processes.recall(folder.supervisor_pid) is None:
        if time.monotonic() > deadline or child.poll():
            raise PartFailed("supervisor", "did not start", processes.last_lines(folder.log("supervisor")))
        await asyncio.sleep(_TICK)


def down(folder: StateFolder, report: Report) -> None:
    """Everything that was started from this folder has ended, and what it stored is forgotten."""
    stop(folder, report)
    forget(folder)


def stop(folder: StateFolder, report: Report) -> None:
    """Everything that was started from this folder has ended, in the order of need."""
    processes.stop(folder.supervisor_pid, SIGKILL)  # it holds nothing: see supervisor.py
    parts = plan.load(folder.plan)
    with ThreadPoolExecutor(max_workers=16) as threads:
        for wave in plan.in_stop_order(parts):
            for name, ran in zip(wave, threads.map(lambda part: stop_part(folder, part), wave), strict=True):
                if ran:
                    report(f"  {name.name:<22} stopped")
    for left in folder.run.glob("*.pid"):
        processes.stop(left)


def forget(folder: StateFolder) -> None:
    """What the parts stored is gone; ports, secrets and logs stay."""
    for held in folder.run.glob("*.held"):
        held.unlink()
    folder.plan.unlink(missing_ok=True)
    folder.status.unlink(missing_ok=True)
    outside = folder.data / "postgres" / "data-folder"  # see postgres.py
    if outside.exists():
        shutil.rmtree(Path(outside.read_text(encoding="utf-8").strip()).parent, ignore_errors=True)
    shutil.rmtree(folder.data, ignore_errors=True)


def stop_part(folder: StateFolder, part: Part) -> bool:
    """The part's process has ended; True when it had been running."""
    return processes.stop(folder.pid_file(part.name), Signals(part.stop_signal), within=30.0)


def _is_up(folder: StateFolder, part: Part, one: PartStatus | None) -> bool:
    if one is None or one.digest != part.digest:
        return False
    if part.is_one_shot:
        return one.state == "done"
    process = processes.recall(folder.pid_file(part.name))  # it may have ended since the supervisor looked
    return one.state == "ready" and process is not None and process.pid == one.pid


def _last_exit(one: PartStatus) -> float:
    return max((ending.at for ending in one.exits), default=0.0)


def _indented(lines: str) -> str:
    return "\n".join(f"    | {line}" for line in lines.splitlines())
