"""A process of its own that carries bytes between listeners and machines: bulk transfer never waits for the API.

Commands are JSON lines on stdin, each answered by one line on stdout; at the end of stdin the process ends. A door is a
pair: at {"netns", "address", "port"}, to {"netns", "address", "port"} or {"unix"}. Many are opened by one command. One
that is in a namespace, or has "inner", is the machine's own way out, which stays open when it is silenced; what comes
out of one that "tells" may be about ports on which the machine listens.
"""

import asyncio
import json
import os
import resource
import sys
from collections import defaultdict
from functools import partial
from typing import Any

from s4_devcloud.machines.carry import Outside
from s4_devcloud.machines.listener import Listener, Welcome, is_outer
from s4_devcloud.machines.watch import Watches

COMMAND_BYTES = 64 * 2**20  # the longest command: every port of a machine


class Doors:
    """All open doors, by tag and place."""

    def __init__(self) -> None:
        self.open: dict[str, dict[str, Listener]] = defaultdict(dict)
        self.held: dict[str, set[Outside]] = defaultdict(set)
        self.silent: set[str] = set()
        self.watches = Watches(self._open, self._shut)

    def obey(self, command: dict[str, Any]) -> list[int]:
        """Carry out one command; for each door that was to be opened the number of the error, or 0."""
        tag = command["tag"]
        match command["do"]:
            case "open":
                return [self._open(tag, at, to) for at, to in command["doors"]]
            case "shut":
                for at in command["at"]:
                    self._shut(tag, at)
            case "watch":
                self.watches.watch(tag, command["address"], command["inside"], command["ranges"])
            case "silence":
                self._silence(tag)
            case "speak":
                self._speak(tag)
            case _:
                self._forget(tag)
        return []

    def _open(self, tag: str, at: dict[str, Any], to: dict[str, Any]) -> int:
        if _place(at) in self.open[tag]:
            return 0
        try:
            listener = Listener(at, self._welcome(tag, at, to))
        except OSError as failed:
            return failed.errno or -1
        self.open[tag][_place(at)] = listener
        if tag in self.silent and listener.is_outer:
            listener.silence()
        return 0

    def _shut(self, tag: str, at: dict[str, Any]) -> None:
        if listener := self.open[tag].pop(_place(at), None):
            listener.close()

    def _welcome(self, tag: str, at: dict[str, Any], to: dict[str, Any]) -> Welcome:
        loop, held = asyncio.get_running_loop(), self.held[tag]
        answered = partial(self.watches.hint, tag) if at.get("tells") else None

        def outside() -> Outside:
            return Outside(to, held, is_outer=is_outer(at), answered=answered)

        return lambda line: loop.connect_accepted_socket(outside, line)

    def _silence(self, tag: str) -> None:
        self.silent.add(tag)
        for listener in self.open[tag].values():
            if listener.is_outer:
                listener.silence()
        for outside in self.held[tag]:
            if outside.is_outer:
                outside.freeze()

    def _speak(self, tag: str) -> None:
        self.silent.discard(tag)
        for listener in self.open[tag].values():
            listener.speak()
        for outside in self.held[tag]:
            outside.thaw()

    def _forget(self, tag: str) -> None:
        self.silent.discard(tag)
        self.watches.forget(tag)
        for listener in self.open.pop(tag, {}).values():
            listener.close()
        for outside in self.held.pop(tag, set()).copy():
            if outside.transport:
                outside.transport.abort()


def _place(at: dict[str, Any]) -> str:
    return f"{at['netns']} {at['address']} {at['port']}"


async def _serve() -> None:
    doors = Doors()
    commands = asyncio.StreamReader(limit=COMMAND_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        try:
            answer = {"errnos": doors.obey(json.loads(line))}
        except OSError as failed:  # the namespace of a machine that is gone
            answer = {"errnos": [failed.errno or -1]}
        os.write(sys.stdout.fileno(), json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_serve())
