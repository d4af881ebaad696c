"""The whole shop in one state folder: for the command line and for tests.

async with Shop.open(folder, options) as shop:
await shop.kill("billing", SIGKILL)
await shop.until_ready("billing")
"""

import asyncio
import math
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM, Signals

from s4_shop import addresses, control, machines, parts, plan, processes, status, table
from s4_shop.control import Follower, Report
from s4_shop.folder import StateFolder
from s4_shop.options import Options
from s4_shop.plan import Part
from s4_shop.wiring import Wiring


class Shop:
    """A running shop; `open` or `up` makes one."""

    def __init__(self, folder: StateFolder, wiring: Wiring, planned: list[Part], report: Report) -> None:
        self.folder = folder
        self.wiring = wiring
        self.parts = planned
        self._report = report

    @classmethod
    @asynccontextmanager
    async def open(cls, state_dir: Path, options: Options, report: Report = print) -> AsyncIterator["Shop"]:
        """The shop runs inside the block, and nothing of it afterwards."""
        folder = StateFolder(state_dir)
        try:
            yield await cls.up(folder, options, report)
        finally:
            await asyncio.to_thread(down, folder, report)

    @classmethod
    async def up(cls, folder: StateFolder, options: Options, report: Report = print) -> "Shop":
        """The shop runs: what is missing has been started, what ran was left alone.

        Raises PortTaken, MissingProgram, PartFailed.
        """
        shop = await asyncio.to_thread(cls._planned, folder, options, report)
        await control.up(folder, shop.parts, report)
        return shop

    @property
    def urls(self) -> Mapping[str, str]:
        """Where to click and what to call: site, inbox, support, stripe, rabbitmq, aws, and the control ports."""
        at = self.wiring.addresses
        names = {"site": "web", "inbox": "inbox", "stripe": "stripe", "rabbitmq": "rabbitmq-management", "aws": "aws"}
        controls = {name: name for name in ("support", "aws-control", "stripe-control", "billing", "provisioner")}
        probes = {name: name for name in at.listeners() if name.endswith("-probes")}
        return {name: at.url(listener) for name, listener in {**names, **controls, **probes}.items()}

    @property
    def secrets(self) -> Mapping[str, str]:
        """Every secret of this shop by its file's name."""
        files = sorted((self.folder.root / "secrets").iterdir())
        return {file.name: file.read_text(encoding="utf-8") for file in files if not file.name.startswith(".")}

    def where_to_click(self) -> str:
        """Addresses for a person with a browser."""
        secrets = self.folder.root / "secrets"
        rabbit, token = secrets / "amqp-operator", secrets / "operator-token"
        lines = [
            "",
            f"  site      {self.urls['site']}",
            f"  account   {self.urls['site']}/account (the link to sign in comes to the inbox)",
            f"  service   {self.urls['site']}/service (whether everything works)",
            f"  inbox     {self.urls['inbox']} (all mail of this machine)",
            f"  support   {self.urls['support']} (for operators; the token is in {token})",
            f"  Stripe    {self.urls['stripe']} (the double; the site leads to its pages)",
            f"  RabbitMQ  {self.urls['rabbitmq']} (user operator, password in {rabbit})",
            "",
            "  make status | make logs PART=web | make down",
        ]
        return "\n".join(lines)

    def database_url(self, service: str) -> str:
        """The database of a service."""
        return self.wiring.database_url(service)

    def pid(self, part: str) -> int | None:
        """The process of the part now."""
        process = processes.recall(self.folder.pid_file(part))
        return None if process is None else process.pid

    def memory_mib(self, part: str) -> float:
        """What the part and its children hold in memory."""
        pid = self.pid(part)
        return 0.0 if pid is None else table.memory_mib(pid)

    def log(self, part: str) -> str:
        """All that the part has printed."""
        path = self.folder.log(part)
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def restarts(self, part: str) -> int:
        """How often the part ended without being told to."""
        return status.load(self.folder.status)[part].restarts

    async def kill(self, part: str, number: Signals = SIGKILL, *, hold: bool = False) -> None:
        """The part has got the signal and, if that ends it, has ended. It comes back by itself, unless held."""
        if hold:
            self.folder.held(part).touch()
        process = processes.recall(self.folder.pid_file(part))
        if process is not None and process.send(number) and number in (SIGKILL, SIGTERM, SIGINT):
            await asyncio.to_thread(process.wait, 30.0)

    async def start(self, part: str, *, within: float = 60.0) -> None:
        """The part runs and is ready, also when it was held."""
        self.folder.held(part).unlink(missing_ok=True)
        await self.until_ready(part, within=within)

    async def until_ready(self, *names: str, within: float = 60.0) -> None:
        """These parts (all of them without names) run and are ready. Raises PartFailed."""
        wanted = [part for part in self.parts if not names or part.name in names]
        await control.ready(self.folder, wanted, Follower(self.folder, self._report), within=within)

    async def stop(self, part: str | None = None) -> None:
        """The part is stopped on purpose and stays so until `start`; without a name, the whole shop."""
        if part is None:
            await asyncio.to_thread(down, self.folder, self._report)
            return
        self.folder.held(part).touch()
        wanted = next(one for one in self.parts if one.name == part)
        await asyncio.to_thread(control.stop_part, self.folder, wanted)

    async def report_exits(self) -> None:
        """For ever: a part that ends is reported at once, with its last log lines."""
        follower = Follower(self.folder, self._report, most=math.inf)
        follower.mute()
        while True:
            follower.look(self.parts)
            await asyncio.sleep(0.5)

    @classmethod
    def _planned(cls, folder: StateFolder, options: Options, report: Report) -> "Shop":
        folder.create()
        with folder.locked("up"):
            wiring = Wiring(folder, addresses.choose(folder, os.environ), options)
            parts.prepare(wiring)
            return cls(folder, wiring, parts.parts(wiring), report)


def down(folder: StateFolder, report: Report = print) -> None:
    """Nothing of the shop runs: parts, then machines. Databases and the emulated cloud are forgotten together.

    A cloud without its instances and a database that knows them would not fit. Ports, secrets and logs are kept.
    """
    planned = {part.name: part for part in plan.load(folder.plan)}
    control.stop(folder, report)
    if "aws" in planned:
        machines.remove(planned["aws"], report)
    control.forget(folder)
