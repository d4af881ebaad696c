"""A port of a machine: connections are carried, or as in a network that is cut, nobody says anything."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from s4_devcloud.machines.netns import make_socket

Welcome = Callable[[socket.socket], Coroutine[Any, Any, Any]]

BACKLOG = 128
TRY_AGAIN_SECONDS = 0.5  # when there are too many open files


class Listener:
    """It is bound when it is made, which raises OSError; who connects is welcomed in a task of their own."""

    def __init__(self, at: dict[str, Any], welcome: Welcome) -> None:
        self._welcome = welcome
        self._loop = asyncio.get_running_loop()
        self._welcomes: set[asyncio.Task[Any]] = set()
        self._filler: socket.socket | None = None
        self.is_outer = is_outer(at)
        self._socket = make_socket(at["netns"])
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((at["address"], at["port"]))
            self._socket.setblocking(False)
            self._socket.listen(BACKLOG)
        except BaseException:  # whatever ends it, nothing stays open; it goes on to the caller
            self._socket.close()
            raise
        self._loop.add_reader(self._socket.fileno(), self._accept)

    def close(self) -> None:
        """New connections are refused; those that are carried live on."""
        self._loop.remove_reader(self._socket.fileno())
        if self._filler is not None:
            self._filler.close()
        self._socket.close()

    def silence(self) -> None:
        """Who connects gets no answer: the queue of the port is one place long, and taken by ourselves."""
        if self._filler is not None:
            return
        self._loop.remove_reader(self._socket.fileno())
        self._socket.listen(0)
        self._filler = socket.socket()
        self._filler.setblocking(False)
        with suppress(BlockingIOError):  # the queue is full already
            self._filler.connect(self._socket.getsockname())

    def speak(self) -> None:
        """Connections are carried again, also those that were waiting."""
        if self._filler is None:
            return
        ours = self._filler.getsockname()
        self._filler.close()
        self._filler = None
        self._socket.listen(BACKLOG)
        self._accept(ours)
        self._loop.add_reader(self._socket.fileno(), self._accept)

    def _accept(self, but: Any = None) -> None:
        for _ in range(BACKLOG):
            try:
                connection, sender = self._socket.accept()
            except BlockingIOError:
                return
            except OSError:
                self._loop.remove_reader(self._socket.fileno())
                self._loop.call_later(TRY_AGAIN_SECONDS, self._resume)
                return
            if sender == but:
                connection.close()
                continue
            connection.setblocking(False)
            self._begin(connection)

    def _begin(self, connection: socket.socket) -> None:
        task = self._loop.create_task(self._welcome(connection))
        self._welcomes.add(task)
        task.add_done_callback(self._welcomes.discard)

    def _resume(self) -> None:
        if self._socket.fileno() >= 0 and self._filler is None:
            self._loop.add_reader(self._socket.fileno(), self._accept)


def is_outer(at: dict[str, Any]) -> bool:
    """It is where the world reaches a machine, not a way out of it."""
    return at["netns"] is None and not at.get("inner")
