"""One pod: a service's process with ports of its own, and what the kubelet asks and tells it."""

import asyncio
import contextlib
import time
from pathlib import Path
from signal import SIGKILL, SIGTERM

import aiohttp

from s4_shop import processes
from s4_shop.folder import StateFolder
from s4_shop.ports import free_port
from s4_shop.processes import Child, Command, Process
from support.replicas.release import Release
from support.replicas.strategy import Strategy

_PROBES = "S4_PROBES_LISTEN"
_ENDED_LOOK = 0.05  # seconds


class Replica:
    """Begun, ready, ending, gone. `environment` is the service's own; each S4_…LISTEN in it gets a port of its own."""

    def __init__(self, strategy: Strategy, release: Release, number: int, environment: dict[str, str]) -> None:
        self.name = f"{strategy.name}.{number}"
        self.release = release
        self.ports = {name: free_port() for name in environment if name.endswith("LISTEN")}
        self.is_ready = False
        self.is_ending = False
        self.ready_since: float | None = None
        self.exit_status: int | None = None
        self._strategy = strategy
        at = {name: f"127.0.0.1:{port}" for name, port in self.ports.items()}
        self._environment = {**environment, **at, **release.environment}
        self._child: Child | None = None
        self._process: Process | None = None

    @property
    def is_available(self) -> bool:
        """Ready for as long as a new pod must be before an old one ends."""
        since = self.ready_since
        return self.is_ready and since is not None and time.monotonic() - since >= self._strategy.min_ready

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def start(self, folder: StateFolder) -> None:
        """Its process has been started."""
        command = Command(argv=self.release.argv(self._strategy.name, "serve"), env=self._environment)
        pid_file = folder.run / f"{self.name}.pid"
        self._child = processes.spawn(command, log=self.log(folder), pid_file=pid_file)
        self._process = processes.identify(self._child.pid)

    def log(self, folder: StateFolder) -> Path:
        return folder.log(self.name)

    async def look(self, session: aiohttp.ClientSession) -> None:
        """For ever: what its probes say. Nothing is asked of who ends: nobody new comes to it in any case."""
        while not await self._says(session, "/healthz"):  # noqa: ASYNC110  as a probe does
            await asyncio.sleep(self._strategy.startup_period)
        failures = 0
        while True:
            if await self._says(session, "/readyz"):
                failures = 0
                if not self.is_ready:
                    self.is_ready, self.ready_since = True, time.monotonic()
            else:
                failures += 1
                if failures >= self._strategy.readiness_failures:
                    self.is_ready, self.ready_since = False, None
            await asyncio.sleep(self._strategy.readiness_period)

    async def revision(self, session: aiohttp.ClientSession) -> str:
        """What its metrics say of the release that it is of."""
        async with session.get(f"http://127.0.0.1:{self.ports[_PROBES]}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        (found,) = (line for line in lines if line.startswith("s4_service_info{"))
        return found.partition('revision="')[2].partition('"')[0]

    async def end(self) -> None:
        """As the kubelet ends a pod: the pause of its preStop, SIGTERM, and SIGKILL when the grace is over."""
        self.is_ending = True
        await asyncio.sleep(self._strategy.pre_stop)
        await self.told(within=self._strategy.grace - self._strategy.pre_stop)

    async def told(self, within: float) -> None:
        """SIGTERM has been sent, and it has ended."""
        assert self._process is not None
        assert self._child is not None
        self.is_ending = True
        self._process.send(SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._ended()
        if self._process.is_alive:
            self.kill()
        await self._ended()
        self.exit_status = self._child.poll()

    def kill(self) -> None:
        """As a node does that is lost."""
        assert self._process is not None
        self.is_ending = True
        self._process.send(SIGKILL)

    async def _ended(self) -> None:
        assert self._child is not None
        while self._child.poll() is None:  # noqa: ASYNC110  of a process there is no event
            await asyncio.sleep(_ENDED_LOOK)

    async def _says(self, session: aiohttp.ClientSession, path: str) -> bool:
        url = f"http://127.0.0.1:{self.ports[_PROBES]}{path}"
        limit = aiohttp.ClientTimeout(total=self._strategy.readiness_timeout)
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with session.get(url, timeout=limit) as answer:
                return answer.status == 200
        return False
