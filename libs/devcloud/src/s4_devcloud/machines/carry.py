"""Carrying the bytes of a connection between a client and a machine."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from s4_devcloud.machines.netns import make_socket

CONNECT_SECONDS = 5.0


class End(asyncio.Protocol):
    """One end of a carried connection; what arrives here leaves at `other`."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: End | None = None
        self._early = bytearray()  # what came before there was another end
        self._early_eof = False
        self._frozen = False
        self.heard: Callable[[], None] | None = None  # before something that arrives is passed on

    def freeze(self) -> None:
        """Nothing that arrives here is read."""
        self._frozen = True
        if self.transport:
            self.transport.pause_reading()

    def thaw(self) -> None:
        """It is read again."""
        self._frozen = False
        if self.transport:
            self.transport.resume_reading()

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
        if self.heard:
            self.heard()
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
        if self.other and self.other.transport and not self.other._frozen:  # noqa: SLF001  its own kind
            self.other.transport.resume_reading()


class Outside(End):
    """The end that a client opened; the machine's end is opened for it."""

    def __init__(
        self,
        to: dict[str, Any],
        held: set["Outside"],
        *,
        is_outer: bool = True,
        answered: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self.is_outer, self._answered = is_outer, answered
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

    def freeze(self) -> None:
        """Nothing passes in either direction."""
        super().freeze()
        if self.other:
            self.other.freeze()

    def thaw(self) -> None:
        """Everything passes again."""
        super().thaw()
        if self.other:
            self.other.thaw()

    async def _reach(self) -> None:
        inner = End()
        inner.heard = self._answered
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
        if self._frozen:
            self.freeze()
        else:
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
    except BaseException:  # whatever ends it, nothing stays open; it goes on to the caller
        inner.close()
        raise
    await loop.create_connection(lambda: end, sock=inner)
