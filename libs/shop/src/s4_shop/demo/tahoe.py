"""An unmodified Tahoe-LAFS client on this machine that stores a file and fetches it back."""

import asyncio
import contextlib
import os
import secrets
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from s4_shop.ports import LOOPBACK, free_port

_SHARES = ["--shares-needed=1", "--shares-happy=1", "--shares-total=1"]
_FILE_BYTES = 1_000_000
_FURL_FILE = "private/introducers.yaml"


class TahoeFailed(Exception):
    """The client said no; the text is what it said."""


@dataclass(frozen=True)
class Fetched:
    """What was stored and came back the same."""

    size: int
    put_seconds: float
    get_seconds: float
    cap: str = field(repr=False)
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class TahoeClient:
    """A client node in `folder`, run by the `tahoe` program."""

    program: Path
    folder: Path

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, program: Path, furl: str) -> AsyncIterator["TahoeClient"]:
        """A new client of the grid, connected to a storage server; gone at the end of the block."""
        with tempfile.TemporaryDirectory(prefix="s4-demo-") as scratch:
            client = cls(program, Path(scratch) / "client")
            await client._create(furl)
            async with client._connected():
                yield client

    @classmethod
    @contextlib.asynccontextmanager
    async def joining(cls, program: Path, mailbox_url: str, code: str) -> AsyncIterator["TahoeClient"]:
        """The same, of the grid that the invite code is for."""
        with tempfile.TemporaryDirectory(prefix="s4-demo-") as scratch:
            client = cls(program, Path(scratch) / "client")
            join = ["create-client", f"--join={code}", "--nickname=demo", _webport(), str(client.folder)]
            await client._tahoe("--wormhole-server", mailbox_url, *join, node=False)
            async with client._connected():
                yield client

    async def put(self, content: bytes, *, mutable: bool = False, over: str | None = None) -> str:
        """The content is stored in the grid, `over` another one if that is mutable; its cap. Raises TahoeFailed."""
        original = self.folder.parent / "original"
        await asyncio.to_thread(original.write_bytes, content)
        arguments = [*(["--mutable"] if mutable else []), str(original), *([over] if over else [])]
        return (await self._tahoe("put", *arguments)).strip().splitlines()[-1]

    async def get(self, cap: str) -> bytes:
        """What the grid has for the cap. Raises TahoeFailed."""
        copy = self.folder.parent / "copy"
        await self._tahoe("get", cap, str(copy))
        return await asyncio.to_thread(copy.read_bytes)

    async def get_again(self, cap: str, within: float) -> bytes:
        """What the grid has for the cap, as soon as its server is back. Raises TahoeFailed."""
        deadline = time.monotonic() + within
        while True:
            try:
                return await self.get(cap)
            except TahoeFailed:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.2)

    async def round_trip(self) -> Fetched:
        """A random file has been stored, fetched and compared. Raises TahoeFailed."""
        content = secrets.token_bytes(_FILE_BYTES)
        began = time.monotonic()
        cap = await self.put(content)
        stored = time.monotonic()
        copy = await self.get(cap)
        fetched = time.monotonic()
        if copy != content:
            raise TahoeFailed("the file that came back is not the one that was stored")
        return Fetched(len(content), stored - began, fetched - stored, cap, content)

    async def _create(self, furl: str) -> None:
        """As the page says; only that the furl goes into the client's file and not through the process list."""
        await self._tahoe("create-client", "--nickname=demo", _webport(), *_SHARES, str(self.folder), node=False)
        path = self.folder / _FURL_FILE
        text = f"introducers:\n  s4:\n    furl: {furl}\n"
        await asyncio.to_thread(_write_private, path, text)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[None]:
        """It runs inside the block and has found a storage server. Raises TahoeFailed."""
        process = await asyncio.create_subprocess_exec(
            str(self.program),
            "run",
            str(self.folder),
            stdin=asyncio.subprocess.PIPE,  # tahoe stops when its standard input is closed: also when we die
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            await self._until_connected(process)
            yield
        finally:
            await _ended(process)

    async def _until_connected(self, process: asyncio.subprocess.Process, within: float = 60.0) -> None:
        deadline = time.monotonic() + within
        async with aiohttp.ClientSession() as session:
            while not await self._is_connected(session):
                if process.returncode is not None or time.monotonic() > deadline:
                    raise TahoeFailed(f"the client found no storage server within {within:g} s")
                await asyncio.sleep(0.1)

    async def _is_connected(self, session: aiohttp.ClientSession) -> bool:
        try:
            base = (await asyncio.to_thread((self.folder / "node.url").read_text)).strip()
            async with session.get(f"{base}?t=json") as answer:
                servers = (await answer.json(content_type=None))["servers"]
        except (OSError, ValueError, aiohttp.ClientError):
            return False
        return any(server.get("connection_status", "").lower().startswith("connected") for server in servers)

    async def _tahoe(self, *arguments: str, node: bool = True) -> str:
        directory = ["-d", str(self.folder)] if node else []
        process = await asyncio.create_subprocess_exec(
            str(self.program),
            *directory,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        if process.returncode:
            raise TahoeFailed(f"tahoe {arguments[0]} ended with {process.returncode}: {err.decode()[-500:].strip()}")
        return out.decode()


def _webport() -> str:
    return f"--webport=tcp:{free_port()}:interface={LOOPBACK}"


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), 5.0)
    except TimeoutError:
        process.kill()
        await process.wait()
