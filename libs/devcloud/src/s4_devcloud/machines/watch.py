"""Doors that open when something in a machine listens behind them: a range of thousands of ports costs nothing.

Whoever learns from a machine, over SSH, that a port answers may call it at once: the machine's words are held back
until the doors were looked after.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from s4_devcloud.machines.listening import Listening, Places
from s4_devcloud.machines.ranges import holds

LOOK_SECONDS = 0.2
_ANY = ("0.0.0.0", "::")
Open = Callable[[str, dict[str, Any], dict[str, Any]], int]
Shut = Callable[[str, dict[str, Any]], None]


@dataclass
class Watched:
    """One machine: where it is called, where it listens itself, and which ports are allowed."""

    at: str
    inside: dict[str, Any]
    ranges: list[list[int]]
    around: Listening
    open: set[int] = field(default_factory=set)

    def listening(self, places: Places) -> set[int]:
        """The allowed ports on which something in the machine listens, by where sockets listen around it."""
        ours = [self.inside["address"], *(_ANY if self.inside["netns"] is not None else ())]
        return {port for address in ours for port in places.get(address, ()) if holds(self.ranges, port)}

    def close(self) -> None:
        """It is watched no more."""
        self.around.close()


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
            self._watched[tag] = Watched(at, inside, ranges, Listening(inside["netns"]))
        self._watched[tag].ranges = ranges
        self.look()

    def forget(self, tag: str) -> None:
        """The machine is gone."""
        if watched := self._watched.pop(tag, None):
            watched.close()

    def hint(self, tag: str) -> None:
        """This machine has something to say: it may listen anew, however short ago it was looked at."""
        if watched := self._watched.get(tag):
            self._look_at(tag, watched, watched.around.places())

    def look(self) -> None:
        """Doors are open exactly where something listens. What several machines share is read once for all."""
        known: dict[str | None, Places] = {}
        for tag, watched in self._watched.items():
            around = watched.inside["netns"]
            if around not in known:
                known[around] = watched.around.places()
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
