"""A process of its own that carries bytes between listeners and machines: bulk transfer never waits for the API.

Commands are JSON lines on stdin, each answered by one line on stdout; at the end of stdin the process ends. A door is
{"tag", "at": {"netns", "address", "port"}, "to": {"netns", "address", "port"} or {"unix"}}.
"""

import asyncio
import json
import os
import socket
import sys
from collections import defaultdict
from typing import Any

from s4_devcloud.machines.netns import make_socket

BACKLOG = 128
CONNECT_SECONDS = 5.0


class End(asyncio.Protocol):
    """One end of a carried connection; what arrives here leaves at `other`."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: End | None = None
        self._early = bytearray()  # what came before there was another end
        self._early_eof = False

    def join(self, other: "End") -> None:
        """What arrives here, and what has arrived already, leaves there."""
        self.other = other
        if self._early:
            self.data_received(bytes(self._early))
            self._early.clear()
        if self._early_eof:
            self.eof_received()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the way out."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  for the type checker; TCP and Unix streams are
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        if self.other is None:
            self._early += data
        elif self.other.transport:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Pass it on; the other direction may still have something to say."""
        if self.other is None:
            self._early_eof = True
        elif self.other.transport and self.other.transport.can_write_eof():
            self.other.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the other side go as this one went."""
        if self.other and self.other.transport:
            self.other.transport.abort() if exc else self.other.transport.close()

    def pause_writing(self) -> None:
        """The reader of this end is slow: so is the other end."""
        if self.other and self.other.transport:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """The reader of this end has caught up."""
        if self.other and self.other.transport:
            self.other.transport.resume_reading()


class Outside(End):
    """The end that a client opened; the machine's end is opened for it."""

    def __init__(self, to: dict[str, Any], held: set["Outside"]) -> None:
        super().__init__()
        self.to, self.held = to, held
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Little is read until the machine's end is open (Python 3.11.2 reads although it is paused)."""
        super().connection_made(transport)
        self.held.add(self)
        if self.transport:
            self.transport.pause_reading()
        self.task = asyncio.get_running_loop().create_task(self._reach())

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody has to cut it any more."""
        self.held.discard(self)
        super().connection_lost(exc)

    async def _reach(self) -> None:
        inner = End()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await _connect(self.to, inner)
        except OSError:  # nobody listens there: say so as a host does, with a reset
            self._reset()
            return
        if self.transport is None or self.transport.is_closing():
            if inner.transport:
                inner.transport.abort()
            return
        self.join(inner)
        inner.join(self)
        self.transport.resume_reading()

    def _reset(self) -> None:
        if self.transport is None:
            return
        linger = self.transport.get_extra_info("socket")
        linger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.transport.abort()


async def _connect(to: dict[str, Any], end: End) -> None:
    loop = asyncio.get_running_loop()
    if "unix" in to:
        await loop.create_unix_connection(lambda: end, to["unix"])
        return
    inner = make_socket(to["netns"])
    inner.setblocking(False)
    try:
        await loop.sock_connect(inner, (to["address"], to["port"]))
        inner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        inner.close()
        raise
    await loop.create_connection(lambda: end, sock=inner)


class Doors:
    """All open doors, by tag and place."""

    def __init__(self) -> None:
        self.open: dict[str, dict[str, asyncio.Server]] = defaultdict(dict)
        self.held: dict[str, set[Outside]] = defaultdict(set)

    async def obey(self, command: dict[str, Any]) -> None:
        """Carry out one command. Raises OSError."""
        tag, do = command["tag"], command["do"]
        if do == "open":
            await self._open(tag, command["at"], command["to"])
        elif do == "shut":
            if server := self.open[tag].pop(_place(command["at"]), None):
                server.close()
        elif do == "forget":
            for server in self.open.pop(tag, {}).values():
                server.close()
            for outside in self.held.pop(tag, set()).copy():
                if outside.transport:
                    outside.transport.abort()

    async def _open(self, tag: str, at: dict[str, Any], to: dict[str, Any]) -> None:
        if _place(at) in self.open[tag]:
            return
        listener = make_socket(at["netns"])
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((at["address"], at["port"]))
            listener.setblocking(False)
            held = self.held[tag]
            loop = asyncio.get_running_loop()
            server = await loop.create_server(lambda: Outside(to, held), sock=listener, backlog=BACKLOG)
        except BaseException:
            listener.close()
            raise
        self.open[tag][_place(at)] = server


def _place(at: dict[str, Any]) -> str:
    return json.dumps(at, sort_keys=True)


async def _serve() -> None:
    doors = Doors()
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        try:
            await doors.obey(json.loads(line))
            answer: dict[str, Any] = {"ok": True}
        except OSError as failed:
            answer = {"ok": False, "errno": failed.errno or 0}
        os.write(sys.stdout.fileno(), json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    asyncio.run(_serve())
