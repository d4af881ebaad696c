"""Doors that open when something in a machine listens behind them: a range of thousands of ports costs nothing.

Whoever learns from a machine, over SSH, that a port answers may call it at once: the machine's words are held back
until the doors were looked after.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from s4_devcloud.machines.netns import open_inside
from s4_devcloud.machines.ranges import holds

LISTENS = "0A"  # <net/tcp_states.h>
LOOK_SECONDS = 0.2
AGAIN_SECONDS = 0.01  # looked after less long ago: nothing new can be expected
Open = Callable[[str, dict[str, Any], dict[str, Any]], int]
Shut = Callable[[str, dict[str, Any]], None]


@dataclass
class Watched:
    """One machine: where it is called, where it listens itself, and which ports are allowed."""

    at: str
    inside: dict[str, Any]
    ranges: list[list[int]]
    tables: list[IO[str]]
    open: set[int] = field(default_factory=set)

    def listening(self) -> set[int]:
        """The allowed ports on which something in the machine listens."""
        ours = {_written(self.inside["address"])}
        if self.inside["netns"] is not None:
            ours |= {"0" * 8, "0" * 32}
        return {port for table in self.tables for port in _listening(table, ours) if holds(self.ranges, port)}

    def close(self) -> None:
        """It is watched no more."""
        for table in self.tables:
            table.close()


class Watches:
    """All watched machines."""

    def __init__(self, open_door: Open, shut_door: Shut) -> None:
        self._open, self._shut = open_door, shut_door
        self._watched: dict[str, Watched] = {}
        self._loop = asyncio.get_running_loop()
        self._looked = 0.0
        self._next: asyncio.TimerHandle | None = None

    def watch(self, tag: str, at: str, inside: dict[str, Any], ranges: list[list[int]]) -> None:
        """From now on the machine is reached at these ports, when it listens there. Raises OSError."""
        if tag not in self._watched:
            tables = [open_inside(inside["netns"], "/proc/thread-self/net/tcp")]
            if inside["netns"] is not None:
                tables.append(open_inside(inside["netns"], "/proc/thread-self/net/tcp6"))
            self._watched[tag] = Watched(at, inside, ranges, tables)
        self._watched[tag].ranges = ranges
        self.look()

    def forget(self, tag: str) -> None:
        """The machine is gone."""
        if watched := self._watched.pop(tag, None):
            watched.close()

    def hint(self) -> None:
        """A machine has something to say: it may listen anew."""
        if self._loop.time() - self._looked >= AGAIN_SECONDS:
            self.look()
        else:
            self._look_in(AGAIN_SECONDS)

    def look(self) -> None:
        """Doors are open exactly where something listens."""
        for tag, watched in self._watched.items():
            listening = watched.listening()
            for port in watched.open - listening:
                self._shut(tag, {"netns": None, "address": watched.at, "port": port})
            for port in listening - watched.open:
                self._open(tag, {"netns": None, "address": watched.at, "port": port}, {**watched.inside, "port": port})
            watched.open = listening
        self._looked = self._loop.time()
        if self._watched:
            self._look_in(LOOK_SECONDS)

    def _look_in(self, seconds: float) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = self._loop.call_later(seconds, self.look)


def _listening(table: IO[str], addresses: set[str]) -> set[int]:
    table.seek(0)
    found = set()
    for line in table.read().splitlines()[1:]:
        _, local, _, state, *_ = line.split()
        address, _, port = local.rpartition(":")
        if state == LISTENS and address in addresses:
            found.add(int(port, 16))
    return found


def _written(address: str) -> str:
    """As the kernel writes it in /proc/net/tcp: the bytes of the address as a number of this machine."""
    return f"{int.from_bytes(socket.inet_aton(address), 'little'):08X}"
