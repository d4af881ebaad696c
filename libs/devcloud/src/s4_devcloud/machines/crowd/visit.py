"""One SSH connection to a machine of the crowd, which gets as far as the machine lets it."""

import asyncio
import json
import shlex
import socket
from contextlib import suppress
from typing import Any, Protocol

import asyncssh
from asyncssh.process import SSHServerProcess

from s4_devcloud.machines.crowd.host import Host

VERSION = b"SSH-2.0-OpenSSH_9.2\r\n"
LOGIN_SECONDS = 60
LONGEST_INPUT = 64 * 2**20


class Visited(Protocol):
    """What a visit needs of the machine."""

    host: Host
    authorized: set[bytes]
    connected: asyncio.Event

    @property
    def host_keys(self) -> list[asyncssh.SSHKey]:
        """What the machine proves itself with."""
        ...

    def grids_changed(self) -> None:
        """The machine listens where its grids are."""
        ...


class Visit(asyncssh.SSHServer):
    """Whoever has an authorized key may log in, under any name."""

    def __init__(self, machine: Visited) -> None:
        self._machine = machine
        self._connection: Any = None

    def connection_made(self, conn: Any) -> None:
        """Remember the connection."""
        self._connection = conn

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002  asyncssh's own signature
        """A key is needed."""
        return True

    def public_key_auth_supported(self) -> bool:
        """Only keys."""
        return True

    def validate_public_key(self, username: str, key: Any) -> bool:  # noqa: ARG002  as above
        """One of those in user-data."""
        return key.public_data in self._machine.authorized

    def session_requested(self) -> Any:
        """A session, or none that ever opens."""
        channel = self._connection.create_server_channel(None)
        if self._machine.host.behaviour.stage == "login":
            return channel, asyncio.Event().wait()
        return channel, SSHServerProcess(self._command, None, 3, False)

    async def _command(self, process: Any) -> None:
        machine = self._machine
        await machine.connected.wait()
        said, code = await self._carried_out(process)
        await machine.connected.wait()
        process.stdout.write(said)
        process.exit(code)

    async def _carried_out(self, process: Any) -> tuple[bytes, int]:
        behaviour = self._machine.host.behaviour
        if behaviour.stage == "command":
            await asyncio.Event().wait()
        words = [word for word in shlex.split(process.command or "") if word != "sudo"]
        given = await process.stdin.read(LONGEST_INPUT) if words[1:2] in (["apply"], ["lend"]) else b""
        await asyncio.sleep(behaviour.seconds)
        match words:
            case ["s4-host", *arguments]:
                answer, code = self._machine.host.run(arguments, given)
                self._machine.grids_changed()
                return json.dumps(answer).encode() + b"\n", code
            case ["echo", *said]:
                return " ".join(said).encode() + b"\n", 0
            case ["true"]:
                return b"", 0
            case _:
                return b"", 127


async def welcome(machine: Visited, line: socket.socket) -> None:
    """Serve the connection to its end."""
    stage = machine.host.behaviour.stage
    if stage in {"tcp", "version"}:
        await _fall_silent(line, VERSION if stage == "version" else b"")
        return
    with suppress(OSError, asyncssh.Error):
        connection = await asyncssh.run_server(
            line,
            server_factory=lambda: Visit(machine),
            server_host_keys=machine.host_keys,
            gss_host=None,
            login_timeout=LOGIN_SECONDS,
            compression_algs=None,
        )
        await connection.wait_closed()


async def _fall_silent(line: socket.socket, greeting: bytes) -> None:
    """Say no more than this, until the other side goes."""
    loop = asyncio.get_running_loop()
    with line, suppress(OSError):
        if greeting:
            await loop.sock_sendall(line, greeting)
        while await loop.sock_recv(line, 65536):
            pass
