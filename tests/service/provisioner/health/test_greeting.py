"""Who takes connections at a grid's storage port, seen by the certificate alone."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from s4_provisioner import identity
from s4_provisioner.health.greeting import anybody, greet
from s4_provisioner.identity import Identity

HERE = "127.0.0.1"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def grid() -> Identity:
    return asyncio.run(identity.mint())


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@asynccontextmanager
async def a_server(folder: Path, pem: str | None, serve: Serve = say_nothing) -> AsyncIterator[int]:
    """The port of a server with this certificate; without one it does not speak TLS."""
    context = None
    if pem is not None:
        (folder / "node.pem").write_text(pem)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "node.pem")
    ended: list[asyncio.Task[None]] = []

    async def to_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.append(asyncio.current_task())  # type: ignore[arg-type]  # a handler is a task
        with suppress(OSError):
            await serve(reader, writer)
            await writer.drain()
        writer.transport.abort()

    server = await asyncio.start_server(to_the_end, HERE, 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*ended)


async def test_a_storage_server_that_shows_its_certificate_is_there(tmp_path: Path, grid: Identity) -> None:
    async with a_server(tmp_path, grid.storage.pem) as port:
        assert await greet(HERE, port, grid.storage.tub_id, anybody()) == "there"


async def test_another_certificate_is_a_strangers(tmp_path: Path, grid: Identity) -> None:
    async with a_server(tmp_path, grid.introducer.pem) as port:
        assert await greet(HERE, port, grid.storage.tub_id, anybody()) == "stranger"


async def test_nobody_at_the_port_is_silence(tmp_path: Path, grid: Identity) -> None:
    async with a_server(tmp_path, grid.storage.pem) as port:
        pass
    assert await greet(HERE, port, grid.storage.tub_id, anybody()) == "silent"


async def test_who_takes_the_connection_and_says_nothing_is_silent(tmp_path: Path, grid: Identity) -> None:
    async with a_server(tmp_path, None) as port:
        limit = timedelta(milliseconds=200)
        assert await greet(HERE, port, grid.storage.tub_id, anybody(), limit) == "silent"


async def test_who_speaks_something_else_than_tls_is_silent(tmp_path: Path, grid: Identity) -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with a_server(tmp_path, None, answer) as port:
        assert await greet(HERE, port, grid.storage.tub_id, anybody()) == "silent"
