"""A service as the program that operators start, with complete settings to take away from."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import msgspec
import pytest

from s4_billing.settings import Settings as BillingSettings
from s4_invites.settings import Settings as InvitesSettings
from s4_notifier.settings import Settings as NotifierSettings
from s4_provisioner.settings import Settings as ProvisionerSettings
from s4_runtime import ServiceSettings
from s4_shop.wiring import SERVICES
from s4_support.settings import Settings as SupportSettings
from s4_web.settings import Settings as WebSettings
from support.waiting import until

UNUSABLE = 78  # sysexits.h, EX_CONFIG
EVERY_SERVICE = pytest.mark.parametrize("service", SERVICES, indirect=True)
# What they have in common: two of them show it, and all in the long tests.
_COMMON = {"billing", "provisioner"}
ANY_SERVICE = pytest.mark.parametrize(
    "service",
    [pytest.param(each, marks=[] if each in _COMMON else [pytest.mark.long]) for each in SERVICES],
    indirect=True,
)
SETTINGS: Mapping[str, type[ServiceSettings]] = {
    "web": WebSettings,
    "billing": BillingSettings,
    "provisioner": ProvisionerSettings,
    "notifier": NotifierSettings,
    "invites": InvitesSettings,
    "support": SupportSettings,
}


@dataclass(frozen=True)
class Ending:
    """How a process ended, and all that it said."""

    code: int
    text: str
    seconds: float


@dataclass(frozen=True)
class Program:
    """One service, not yet started. `settings` is all that it is told."""

    service: str
    settings: Mapping[str, str]
    folder: Path
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "log", self.folder / f"{self.service}-{time.monotonic_ns()}.log")

    def told(self, *without: str, **more: str) -> "Program":
        """The same with other settings; a setting given openly takes the place of its file."""
        dropped = {*without, *(f"{name}_FILE" for name in without), *(f"{name}_FILE" for name in more)}
        kept = {name: text for name, text in self.settings.items() if name not in dropped}
        return Program(self.service, {**kept, **more}, self.folder)

    def needed(self) -> set[str]:
        """Names of the settings without which it cannot run."""
        return {f"S4_{one.name.upper()}" for one in msgspec.structs.fields(SETTINGS[self.service]) if one.required}

    async def ends(self, command: str = "serve") -> Ending:
        """It is started, and ends by itself."""
        began = time.monotonic()
        process = await self._start(command)
        try:
            async with asyncio.timeout(30):
                code = await process.wait()
        except TimeoutError:
            raise AssertionError(f"{self.service} still runs:\n{self.log.read_text()}") from None
        finally:
            await _killed(process)
        return Ending(code, self.log.read_text(), time.monotonic() - began)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Serving"]:
        """It runs inside the block, ready or not."""
        process = await self._start("serve")
        try:
            yield Serving(process, self)
        finally:
            await _killed(process)

    async def _start(self, command: str) -> asyncio.subprocess.Process:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.settings}
        with self.log.open("wb") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", f"s4_{self.service}", command, stdout=log, stderr=log, env=environment
            )


async def _killed(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


@dataclass(frozen=True)
class Serving:
    """A running service, seen from outside."""

    process: asyncio.subprocess.Process
    program: Program

    def said(self) -> str:
        """Its log so far."""
        return self.program.log.read_text()

    async def readiness(self) -> tuple[int, dict[str, bool]] | None:
        """What /readyz answers; None while nobody answers."""
        assert self.process.returncode is None, self.said()
        url = f"http://{self.program.settings['S4_PROBES_LISTEN']}/readyz"
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as answer:
                return answer.status, await answer.json()
        except aiohttp.ClientConnectionError:
            return None

    async def comes_to(self, status: int) -> dict[str, bool]:
        """/readyz answers this, soon; what it says then."""

        async def flags() -> dict[str, bool] | None:
            found = await self.readiness()
            return found[1] if found and found[0] == status else None

        told: dict[str, bool] = await until(flags, within=30, what=f"{self.program.service} answers {status}")
        return told

    async def told_to_stop(self) -> Ending:
        """It has got SIGTERM and has ended."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            code = await self.process.wait()
        return Ending(code, self.said(), time.monotonic() - began)
