"""Keeping one part running: start or adopt it, see it ready, see how it ends, start it again with growing pauses."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from s4_shop import processes
from s4_shop.checks import is_ready
from s4_shop.folder import StateFolder
from s4_shop.plan import Part
from s4_shop.processes import Child, Process
from s4_shop.status import Exit, PartStatus, State

_TICK = 0.1  # seconds between two looks
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 15.0  # seconds before a restart
_STEADY = 30.0  # a part that ran this long gets short pauses again
_LOG_LIMIT = 20_000_000  # bytes, then the log moves aside once
_CANNOT_START = 127  # what a shell says


@dataclass
class Keeper:
    """One part and what is known about it. `changed` is called after every change of `status`."""

    part: Part
    folder: StateFolder
    status: PartStatus
    changed: Callable[[], None]
    is_settled: bool = False
    starts: int = 0
    adopted: bool = False
    _child: Child | None = None
    _process: Process | None = None
    _failures: int = 0

    def adopt(self, others: Mapping[str, "Keeper"]) -> None:
        """What a supervisor before us started is ours, if it is what the plan says now; else it is ended."""
        same = self.status.digest == self.part.digest
        self._process = processes.recall(self.folder.pid_file(self.part.name))
        if self._process is not None and not same:
            self._process.stop(self.part.command().stop_signal)
            self._process = None
        finished = same and self.status.state == "done" and all(others[name].adopted for name in self.part.needs)
        self.adopted = self._process is not None or finished
        if not self.adopted:
            self._show("waiting")
        elif self._process is not None and self.status.state not in ("starting", "ready"):
            self._show("starting")
        elif self.status.state in ("ready", "done"):
            self.is_settled = True

    def end(self) -> None:
        """The part's process has ended."""
        if self._process is not None:
            self._process.stop(self.part.command().stop_signal)
        self.folder.pid_file(self.part.name).unlink(missing_ok=True)

    async def keep(self, others: Mapping[str, "Keeper"]) -> None:
        """For ever: the part runs whenever it should."""
        # Looked up each time: a new plan may put another keeper in the place of one that this part waits for.
        while not self.adopted:
            if all(name in others and others[name].is_settled for name in self.part.needs):
                break
            await asyncio.sleep(_TICK)
        while True:
            if self.status.state == "done":
                await self._until_forgotten(others)
            if self._process is None:
                await self._until_wanted()
                self._start()
            await self._watch()
            if self.status.state == "failed":
                await asyncio.sleep(min(_FIRST_PAUSE * 2 ** min(self._failures - 1, 10), _LONGEST_PAUSE))

    async def _until_wanted(self) -> None:
        held = self.folder.held(self.part.name)
        if held.exists():
            self._show("stopped")
            self._failures = 0
        while held.exists():  # noqa: ASYNC110  another process holds: there is no event, only a file
            await asyncio.sleep(_TICK)

    async def _until_forgotten(self, others: Mapping[str, "Keeper"]) -> None:
        """Until a part that was told something by this one-shot has been started anew."""
        known = [(id(one), one.starts) for one in self._told(others)]
        while True:
            await asyncio.sleep(_TICK)
            told = self._told(others)
            forgot = known != [(id(one), one.starts) for one in told]
            if forgot and all(one.status.state == "ready" for one in told):
                return

    def _told(self, others: Mapping[str, "Keeper"]) -> list["Keeper"]:
        return [others[name] for name in self.part.repeat_after if name in others]

    def _start(self) -> None:
        name, log = self.part.name, self.folder.log(self.part.name)
        if log.exists() and log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
        self.status.log_from = log.stat().st_size if log.exists() else 0
        self.status.digest = self.part.digest
        self.starts += 1
        try:
            self._child = processes.spawn(self.part.command(), log=log, pid_file=self.folder.pid_file(name))
        except OSError as problem:
            with log.open("a", encoding="utf-8") as file:
                file.write(f"cannot be started: {problem}\n")
        else:
            self._process = processes.identify(self._child.pid)
            self.status.pid = self._child.pid
        self._show("starting")

    async def _watch(self) -> None:
        """Until the process has ended; the status says how."""
        began, log = time.monotonic(), self.folder.log(self.part.name)
        while self._runs():
            if self.status.state != "ready" and await is_ready(self.part.ready, log, self.status.log_from):
                self.status.seconds_to_ready = round(time.monotonic() - began, 2)
                self._show("ready")
            if time.monotonic() - began > _STEADY:
                self._failures = 0
            await asyncio.sleep(_TICK)
        code = self._exit_code()
        self._child, self._process, self.status.pid = None, None, None
        self.folder.pid_file(self.part.name).unlink(missing_ok=True)
        if self.part.is_one_shot and code == 0:
            self.status.seconds_to_ready = round(time.monotonic() - began, 2)
            self._show("done")
        elif self.folder.held(self.part.name).exists():
            self._show("stopped")
        else:
            self._failures += 1
            self.status.ended(Exit(time.time(), code, processes.last_lines(log, since=self.status.log_from)))
            self._show("failed")

    def _runs(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        return self._process is not None and self._process.is_alive

    def _exit_code(self) -> int | None:
        """Negative for a signal; None when the process was not our child."""
        if self._child is not None:
            return self._child.poll()
        return _CANNOT_START if self._process is None else None

    def _show(self, state: State) -> None:
        self.status.become(state)
        if state in ("ready", "done"):
            self.is_settled = True
        self.changed()
