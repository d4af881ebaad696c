"""One machine of the crowd: its address, its open ports, its keys and its host."""

import asyncio
import socket
import ssl
import tempfile
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import asyncssh

from s4_devcloud.machines.crowd.behaviour import Behaviour
from s4_devcloud.machines.crowd.host import Grid, Host
from s4_devcloud.machines.crowd.visit import welcome
from s4_devcloud.machines.listener import Listener
from s4_devcloud.machines.ranges import holds


class Member:
    """It listens where it has something to say and its ports are allowed; every listener costs an open file."""

    def __init__(self, address: str, ssh_port: int, host_keys: list[str], authorized: list[str]) -> None:
        self.host = Host()
        self._host_keys = [asyncssh.import_private_key(key) for key in host_keys]
        self.authorized = {asyncssh.import_public_key(key).public_data for key in authorized}
        self.connected = asyncio.Event()
        self.connected.set()
        self._address, self._ssh_port = address, ssh_port
        self._allowed: list[list[int]] = []
        self._listeners: dict[int, Listener] = {}
        self._lines: dict[asyncio.Task[None], socket.socket] = {}

    @property
    def host_keys(self) -> list[asyncssh.SSHKey]:
        """Those of user-data, or one that nobody knows."""
        if self.host.behaviour.strange_key:
            return [asyncssh.generate_private_key("ssh-ed25519")]
        return self._host_keys

    def allow(self, ranges: list[list[int]]) -> list[int]:
        """These ports are open, and no others; those of them that are taken here by somebody else."""
        self._allowed = ranges
        return self._sync()

    def behave(self, changes: dict[str, Any]) -> None:
        """From now on so. Raises BehaviourRefused."""
        self.host.behaviour = self.host.behaviour.but(changes)
        self.grids_changed()

    def well(self) -> None:
        """It does nothing wrong."""
        self.host.behaviour = Behaviour()
        self.grids_changed()

    def cut_off(self) -> None:
        """Nobody gets an answer, and no connection is closed."""
        self.connected.clear()
        for listener in self._listeners.values():
            listener.silence()

    def reconnect(self) -> None:
        """It answers as before."""
        self.connected.set()
        for listener in self._listeners.values():
            listener.speak()

    def end(self) -> None:
        """It listens nowhere, and every connection is cut."""
        self._allowed = []
        self._sync()
        for task, line in self._lines.items():
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            task.cancel()

    def grids_changed(self) -> None:
        """The machine listens where its grids are."""
        self._sync()

    def _sync(self) -> list[int]:
        wanted = {port: grid for port, grid in self._places().items() if self._is_allowed(port)}
        for port in self._listeners.keys() - wanted.keys():
            self._listeners.pop(port).close()
        return [port for port in wanted.keys() - self._listeners.keys() if not self._open(port)]

    def _places(self) -> dict[int, tuple[str, Grid] | None]:
        places: dict[int, tuple[str, Grid] | None] = {self._ssh_port: None}
        if not self.host.behaviour.silent_grids:
            for grid in self.host.grids.values():
                if grid.state == "running":
                    places |= {port: (node, grid) for node, port in grid.ports.items()}
        return places

    def _is_allowed(self, port: int) -> bool:
        return holds(self._allowed, port)

    def _open(self, port: int) -> bool:
        at = {"netns": None, "address": self._address, "port": port}
        try:
            listener = self._listeners[port] = Listener(at, lambda line: self._take(port, line))
        except OSError:
            return False
        if not self.connected.is_set():
            listener.silence()
        return True

    async def _take(self, port: int, line: socket.socket) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._lines[task] = line
        try:
            await self._served(port, line)
        finally:
            line.close()
            if task is not None:
                self._lines.pop(task, None)

    def _served(self, port: int, line: socket.socket) -> Coroutine[Any, Any, None]:
        match self._places().get(port):
            case ("storage", grid) if grid.certificate:
                return _show(line, grid.certificate)
            case None if port == self._ssh_port:
                return welcome(self, line)
            case _:
                return _show(line, "")


async def _show(line: socket.socket, certificate: str) -> None:
    """A node that shows its certificate to who asks for TLS, and says nothing more until they go."""
    loop, gone = asyncio.get_running_loop(), asyncio.Event()

    class Node(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's own signature
            gone.set()

    with suppress(OSError, ssl.SSLError):
        await loop.connect_accepted_socket(Node, line, ssl=_context(certificate) if certificate else None)
        await gone.wait()


def _context(certificate: str) -> ssl.SSLContext:
    """OpenSSL reads certificates from files only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(certificate)
        file.flush()
        context.load_cert_chain(file.name)
    return context
