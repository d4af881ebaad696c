"""Our side of the pump: doors are opened and shut here, and opened again when the pump was killed."""

import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any


def tcp(address: str, port: int, netns: str | None = None) -> dict[str, Any]:
    """A place in a namespace, or on the host."""
    return {"netns": netns, "address": address, "port": port}


class Doors:
    """Listeners whose connections a pump process carries to their machine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, dict[str, Any]] = {}
        self._pump: subprocess.Popen[bytes] | None = None

    def open(self, tag: str, at: dict[str, Any], to: dict[str, Any]) -> None:
        """Connections to `at` reach `to`. Open already: nothing changes. Raises OSError when `at` is taken."""
        command = {"do": "open", "tag": tag, "at": at, "to": to}
        with self._lock:
            self._send(command)
            self._open[_key(tag, at)] = command

    def shut(self, tag: str, at: dict[str, Any]) -> None:
        """New connections to `at` are refused."""
        with self._lock:
            if self._open.pop(_key(tag, at), None):
                self._send({"do": "shut", "tag": tag, "at": at})

    def forget(self, tag: str) -> None:
        """Every door and every connection with this tag is closed."""
        with self._lock:
            self._open = {key: command for key, command in self._open.items() if command["tag"] != tag}
            if self._pump is not None:
                self._send({"do": "forget", "tag": tag})

    def close(self) -> None:
        """The pump ends, and every door with it."""
        with self._lock:
            self._open.clear()
            if self._pump is not None:
                self._stop(self._pump)
                self._pump = None

    def _send(self, command: dict[str, Any]) -> None:
        try:
            self._ask(self._running(), command)
        except BrokenPipeError:
            if self._pump is not None:
                self._stop(self._pump)
            self._ask(self._running(), command)

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
            for command in self._open.values():
                with suppress(OSError):  # its machine may be gone
                    self._ask(self._pump, command)
        return self._pump

    @staticmethod
    def _ask(pump: subprocess.Popen[bytes], command: dict[str, Any]) -> None:
        if pump.stdin is None or pump.stdout is None:
            raise BrokenPipeError
        pump.stdin.write(json.dumps(command).encode() + b"\n")
        pump.stdin.flush()
        line = pump.stdout.readline()
        if not line:
            raise BrokenPipeError
        answer = json.loads(line)
        if not answer["ok"]:
            raise OSError(answer["errno"], os.strerror(answer["errno"]))

    @staticmethod
    def _stop(pump: subprocess.Popen[bytes]) -> None:
        pump.kill()
        pump.wait()
        for stream in (pump.stdin, pump.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):  # a command that was not sent any more
                    stream.close()


def _key(tag: str, at: dict[str, Any]) -> str:
    return f"{tag} {json.dumps(at, sort_keys=True)}"
