"""Doors that open when something in a machine listens behind them: a range of thousands of ports costs nothing.

Whoever learns from a machine, over SSH, that a port answers may call it at once: the machine's words are held back
until the doors were looked after.
"""

import asyncio
import os
import socket
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from s4_devcloud.machines.netns import open_inside
from s4_devcloud.machines.ranges import holds

LISTENS = b"0A"  # <net/tcp_states.h>
LOOK_SECONDS = 0.2
TABLE_BYTES = 65_536  # the kernel gives less at a time
Open = Callable[[str, dict[str, Any], dict[str, Any]], int]
Shut = Callable[[str, dict[str, Any]], None]
Places = Mapping[str, set[int]]  # ports on which something listens, by address as the kernel writes it


@dataclass
class Watched:
    """One machine: where it is called, where it listens itself, and which ports are allowed."""

    at: str
    inside: dict[str, Any]
    ranges: list[list[int]]
    tables: list[IO[str]]
    open: set[int] = field(default_factory=set)

    def listening(self, places: Places) -> set[int]:
        """The allowed ports on which something in the machine listens, by where sockets listen around it."""
        ours = {_written(self.inside["address"])}
        if self.inside["netns"] is not None:
            ours |= {"0" * 8, "0" * 32}
        return {port for address in ours for port in places.get(address, ()) if holds(self.ranges, port)}

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

    def hint(self, tag: str) -> None:
        """This machine has something to say: it may listen anew, however short ago it was looked at."""
        if watched := self._watched.get(tag):
            self._look_at(tag, watched, _places(watched.tables))

    def look(self) -> None:
        """Doors are open exactly where something listens. What several machines share is read once for all."""
        known: dict[str | None, Places] = {}
        for tag, watched in self._watched.items():
            around = watched.inside["netns"]
            if around not in known:
                known[around] = _places(watched.tables)
            self._look_at(tag, watched, known[around])
        if self._next is not None:
            self._next.cancel()
        self._next = self._loop.call_later(LOOK_SECONDS, self.look) if self._watched else None

    def _look_at(self, tag: str, watched: Watched, places: Places) -> None:
        listening = watched.listening(places)
        for port in watched.open - listening:
            self._shut(tag, {"netns": None, "address": watched.at, "port": port})
        for port in listening - watched.open:
            self._open(tag, {"netns": None, "address": watched.at, "port": port}, {**watched.inside, "port": port})
        watched.open = listening


def _places(tables: Iterable[IO[str]]) -> Places:
    found: defaultdict[str, set[int]] = defaultdict(set)
    for table in tables:
        for local in _listeners(table):
            address, _, port = local.rpartition(":")
            found[address].add(int(port, 16))
    return found


def _listeners(table: IO[str]) -> Iterator[str]:
    """Where sockets listen: they come first (tcp_seq_start in Linux), before a busy host's thousands of connections."""
    rest, offset = b"", 0
    while chunk := os.pread(table.fileno(), TABLE_BYTES, offset):
        offset += len(chunk)
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            number, local, _, state, *_ = line.split()
            if number == b"sl":
                continue
            if state != LISTENS:
                return
            yield local.decode()


def _written(address: str) -> str:
    """As the kernel writes it in /proc/net/tcp: the bytes of the address as a number of this machine."""
    return f"{int.from_bytes(socket.inet_aton(address), 'little'):08X}"
