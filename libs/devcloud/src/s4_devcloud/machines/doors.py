"""Our side of the pump: doors are opened and shut here, and opened again when the pump was killed."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from s4_devcloud.machines.ranges import Ranges

Place = dict[str, Any]


def tcp(address: str, port: int, netns: str | None = None) -> Place:
    """A place in a namespace, or on the host."""
    return {"netns": netns, "address": address, "port": port}


class Doors:
    """Listeners whose connections a pump process carries to their machine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, dict[str, tuple[Place, Place]]] = {}
        self._watched: dict[str, dict[str, Any]] = {}
        self._silent: set[str] = set()
        self._pump: subprocess.Popen[bytes] | None = None

    def open(self, tag: str, at: Place, to: Place) -> None:
        """Connections to `at` reach `to`. Open already: nothing changes. Raises OSError when `at` is taken."""
        for errno in self.open_all(tag, [(at, to)]):
            if errno:
                raise OSError(errno, os.strerror(errno))

    def open_all(self, tag: str, doors: Iterable[tuple[Place, Place]]) -> list[int]:
        """The same for many at once; for each the number of the error that kept it shut, or 0."""
        wanted = list(doors)
        with self._lock:
            errnos = self._send({"do": "open", "tag": tag, "doors": wanted})
            opened = (door for door, errno in zip(wanted, errnos, strict=True) if not errno)
            self._open.setdefault(tag, {}).update({_key(at): (at, to) for at, to in opened})
        return errnos

    def watch(self, tag: str, address: str, inside: Place, ranges: Ranges) -> None:
        """At these ports of the address the machine is reached, as soon as it listens there inside."""
        command = {"do": "watch", "tag": tag, "address": address, "inside": inside, "ranges": ranges}
        with self._lock:
            self._watched[tag] = command
            self._send(command)

    def shut(self, tag: str, *places: Place) -> None:
        """New connections to these places are refused."""
        with self._lock:
            known = [at for at in places if self._open.get(tag, {}).pop(_key(at), None)]
            if known:
                self._send({"do": "shut", "tag": tag, "at": known})

    def silence(self, tag: str) -> None:
        """Nobody outside gets an answer any more, and no connection is closed; the way out stays open."""
        with self._lock:
            self._silent.add(tag)
            self._send({"do": "silence", "tag": tag})

    def speak(self, tag: str) -> None:
        """The doors with this tag are as they were."""
        with self._lock:
            self._silent.discard(tag)
            self._send({"do": "speak", "tag": tag})

    def forget(self, tag: str) -> None:
        """Every door and every connection with this tag is closed."""
        with self._lock:
            self._silent.discard(tag)
            self._watched.pop(tag, None)
            self._open.pop(tag, None)
            if self._pump is not None:
                self._send({"do": "forget", "tag": tag})

    def close(self) -> None:
        """The pump ends, and every door with it."""
        with self._lock:
            self._open.clear()
            self._watched.clear()
            self._silent.clear()
            if self._pump is not None:
                self._stop(self._pump)
                self._pump = None

    def _send(self, command: dict[str, Any]) -> list[int]:
        try:
            return self._ask(self._running(), command)
        except BrokenPipeError:
            if self._pump is not None:
                self._stop(self._pump)
            return self._ask(self._running(), command)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._pump is not None and self._pump.poll() is not None:
            self._stop(self._pump)
            self._pump = None
        if self._pump is None:
            self._pump = subprocess.Popen(
                [sys.executable, "-m", "s4_devcloud.machines.pump"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for us; the pump ends when we let go of its stdin
            )
            for tag in self._silent:
                self._ask(self._pump, {"do": "silence", "tag": tag})
            for tag, doors in self._open.items():
                # what cannot be opened again belonged to a machine that is gone
                self._ask(self._pump, {"do": "open", "tag": tag, "doors": list(doors.values())})
            for command in self._watched.values():
                self._ask(self._pump, command)
        return self._pump

    @staticmethod
    def _ask(pump: subprocess.Popen[bytes], command: dict[str, Any]) -> list[int]:
        if pump.stdin is None or pump.stdout is None:
            raise BrokenPipeError
        pump.stdin.write(json.dumps(command).encode() + b"\n")
        pump.stdin.flush()
        line = pump.stdout.readline()
        if not line:
            raise BrokenPipeError
        errnos: list[int] = json.loads(line)["errnos"]
        return errnos

    @staticmethod
    def _stop(pump: subprocess.Popen[bytes]) -> None:
        pump.kill()
        pump.wait()
        for stream in (pump.stdin, pump.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):  # a command that was not sent any more
                    stream.close()


def _key(at: Place) -> str:
    return f"{at['netns']} {at['address']} {at['port']}"
