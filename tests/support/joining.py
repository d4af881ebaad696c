"""Clients that use an invite: the real `tahoe`, what Gridsync does, and others who should not."""

import asyncio
import configparser
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from s4_invites import keys
from s4_invites.codes import nameplate_of
from s4_invites.handshake import Message
from s4_invites.mailbox import Mailbox, connected
from s4_shop.demo.tahoe import Fetched, TahoeClient
from s4_shop.ports import free_port

NODE = Path(__file__).parents[2] / ".s4" / "node"  # a virtual environment with Tahoe-LAFS, as the image has it
_GRIDSYNC = Path(__file__).with_name("gridsync_receive.py")


def needs_tahoe() -> None:
    """Without Tahoe-LAFS the test is skipped at home and fails in CI."""
    if not (NODE / "bin" / "tahoe").exists():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no Tahoe-LAFS in .s4/node (make image)")


class Joining:
    """`tahoe create-client --join`, under way."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self.folder = folder
        self.said = ""

    async def ended(self, within: float = 60) -> int:
        """Its exit status; what it said is kept."""
        async with asyncio.timeout(within):
            out, _ = await self._process.communicate()
        self.said = out.decode()
        return self._process.returncode or 0

    async def joined(self) -> None:
        """It has set itself up."""
        status = await self.ended()
        assert status == 0, self.said

    async def round_trip(self) -> Fetched:
        """As it has set itself up, it runs, finds a server, stores a file and fetches it back."""
        config = self.config
        config["node"]["web.port"] = f"tcp:{free_port()}:interface=127.0.0.1"  # the usual one may be taken here
        with (self.folder / "tahoe.cfg").open("w") as file:
            config.write(file)
        node = TahoeClient(NODE / "bin" / "tahoe", self.folder)
        command = [str(node.program), "run", str(self.folder)]
        nothing = asyncio.subprocess.DEVNULL
        running = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=nothing, stderr=nothing, start_new_session=True
        )
        try:
            await node._until_connected(running)
            return await node.round_trip()
        finally:
            running.kill()
            await running.wait()

    async def kill(self) -> None:
        """It has ended, with or without success."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    @property
    def furl(self) -> str:
        """The introducer that it will connect to."""
        text = (self.folder / "private" / "introducers.yaml").read_text()
        (introducer,) = yaml.safe_load(text)["introducers"].values()
        return str(introducer["furl"])

    @property
    def config(self) -> configparser.ConfigParser:
        found = configparser.ConfigParser(interpolation=None)
        found.read(self.folder / "tahoe.cfg")
        return found

    @property
    def shares(self) -> dict[str, str]:
        return {name: self.config["client"][f"shares.{name}"] for name in ("needed", "happy", "total")}


@asynccontextmanager
async def tahoe_joins(mailbox_url: str, code: str, folder: Path) -> AsyncIterator[Joining]:
    """The unmodified client, with this code."""
    needs_tahoe()
    command = [str(NODE / "bin" / "tahoe"), "--wormhole-server", mailbox_url, "create-client", "--join", code]
    process = await asyncio.create_subprocess_exec(
        *command, str(folder), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    joining = Joining(process, folder)
    try:
        yield joining
    finally:
        await joining.kill()


async def gridsync_receives(mailbox_url: str, code: str, within: float = 60) -> dict[str, Any]:
    """What Gridsync has got once it is done, with the same library and in the same order as Gridsync."""
    found: dict[str, Any] = json.loads(await gridsync("receive", mailbox_url, code, within=within))
    return found


async def gridsync(*arguments: str, within: float = 60) -> str:
    """What the program says that does as Gridsync does."""
    needs_tahoe()
    command = [str(NODE / "bin" / "python"), str(_GRIDSYNC), *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(within):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, errors.decode()
    return out.decode()


class Stranger:
    """Somebody at the mailbox who does as they like."""

    def __init__(self, mailbox: Mailbox, found: list[Message], half: keys.Half, side: str) -> None:
        self.mailbox = mailbox
        self._found = found
        self._half = half
        self._side = side

    async def guess(self) -> None:
        """Says the first message for the code that it was given, and no more."""
        await self.mailbox.say("pake", keys.write_element(self._half.element))

    async def hears(self, phase: str) -> bytes:
        """The other side's message of this phase."""
        while True:
            message = self._found.pop(0) if self._found else await self.mailbox.hear()
            if message.phase == phase and message.side != self._side:
                return message.body

    async def hears_within(self, phase: str, seconds: float) -> bytes:
        """The same; raises TimeoutError."""
        async with asyncio.timeout(seconds):
            return await self.hears(phase)


@asynccontextmanager
async def a_stranger(mailbox_url: str, code: str, side: str = "5t7a") -> AsyncIterator[Stranger]:
    """Has the code, or at least its number, and is at the mailbox."""
    async with aiohttp.ClientSession() as session, connected(session, mailbox_url) as mailbox:
        found = await mailbox.enter(side, nameplate_of(code), None)
        yield Stranger(mailbox, found, keys.begin(code), side)
