"""What every serving process has: its log, its numbers, its pages, and an end in order."""

import argparse
import os
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from s4_node.imports import uncollected
from s4_node.serve import sdnotify

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

    from s4_node.serve.condition import Condition
    from s4_node.storage.shared import Shared


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words that `run` and `shard` have in common."""
    parser.add_argument(
        "--listen", metavar="ADDRESS:PORT", type=address, help="answer /healthz, /readyz and /metrics there, by HTTP"
    )
    parser.add_argument(
        "--log", choices=("json", "text"), help="how to log on stderr; by default text at a terminal, JSON elsewhere"
    )
    parser.add_argument(
        "--cache-mib", type=int, default=256, metavar="MIB", help="of shares kept in memory, for all grids together"
    )
    parser.add_argument("--label-grids", action="store_true", help="in /metrics, numbers for each grid")


def address(text: str) -> tuple[str, int]:
    """ADDRESS and PORT of what is written ADDRESS:PORT; raises ArgumentTypeError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise argparse.ArgumentTypeError(f"{text!r} is not ADDRESS:PORT, such as 127.0.0.1:9100")
    return host.strip("[]"), int(port)


class Service(Protocol):
    """What a process serves."""

    def conditions(self) -> "Mapping[str, Condition]":
        """How each grid is."""

    async def begin(self) -> None:
        """Each grid was tried. Raises CannotServe when there is no reason to go on."""

    async def stop(self) -> None:
        """Nothing is served any more."""


class CannotServe(Exception):
    """The process has no reason to go on; why was logged."""


def serve(args: argparse.Namespace, make: "Callable[[Shared], Service]") -> int:
    """Serve until SIGTERM; 1 when that could not be begun, after a line that says why."""
    with uncollected():
        from twisted.internet import reactor

        from s4_node.metrics import Metrics
        from s4_node.serve import logs
        from s4_node.storage.shared import Shared

    logs.begin(args.log or logs.usual_style())
    shared = Shared(Metrics(per_grid=args.label_grids), reactor=reactor, cache_bytes=args.cache_mib * 2**20)
    shared.metrics.watch("", shared.readings)
    running = _Process(args, shared, make(shared))
    reactor.callWhenRunning(running.start)
    reactor.addSystemEventTrigger("before", "shutdown", running.stop)
    reactor.run()
    return running.code


class _Process:
    """One service between the start of the reactor and its end."""

    def __init__(self, args: argparse.Namespace, shared: "Shared", service: Service) -> None:
        self.code = 0
        self._args, self._shared, self._service = args, shared, service

    def start(self) -> None:
        from twisted.internet.defer import Deferred

        Deferred.fromCoroutine(self._start()).addErrback(self._failed)

    def stop(self) -> "Deferred[None]":
        from twisted.internet.defer import Deferred

        sdnotify.notify(os.environ, "STOPPING=1")
        return Deferred.fromCoroutine(self._service.stop()).addCallback(lambda _: self._shared.stop())

    async def _start(self) -> None:
        from twisted.internet import reactor

        from s4_node.serve.pages import pages

        self._shared.start()
        metrics = self._shared.metrics
        metrics.states = lambda: Counter(condition.state for condition in self._service.conditions().values())
        if self._args.listen:
            host, port = self._args.listen
            reactor.listenTCP(port, pages(self._service.conditions, metrics), interface=host)
        await self._service.begin()
        sdnotify.notify(os.environ, "READY=1")

    def _failed(self, failure: "Failure") -> None:
        from twisted.internet import reactor
        from twisted.logger import Logger

        if not failure.check(CannotServe):
            Logger(__name__).error("process.failed", why=failure.getErrorMessage())
        self.code = 1
        reactor.stop()
