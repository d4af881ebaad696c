"""A grid in this process: it is served once both nodes listen and the storage server is announced."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from twisted.application.service import MultiService
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from s4_node.nodes import Introducer, introducer_node, relocated, storage_node
from s4_node.redaction import redacted
from s4_node.serve.ports import Listening

LOOK_AGAIN_SECONDS = 0.02
ANNOUNCED_WITHIN_SECONDS = 20.0


class NotServing(Exception):
    """The nodes run, but the grid cannot be used."""


class Grid:
    """The introducer and the storage server of one directory."""

    def __init__(self, directory: Path, introducer: Listening) -> None:
        self._directory = directory
        self._introducer = introducer
        self._services = MultiService()

    def start(self, failed: Callable[[str], None]) -> "Deferred[None]":
        """Fire when the grid is served; otherwise call `failed` with one line, and never fire."""
        never: Deferred[None] = Deferred()

        def report(failure: Failure) -> "Deferred[None]":
            failed(redacted(f"cannot serve: {failure.getErrorMessage()}".partition("\n")[0]))
            return never

        return ensureDeferred(self._start()).addErrback(report)

    def stop(self) -> "Deferred[object] | None":
        """Stop both nodes."""
        stopped: Deferred[object] | None = self._services.stopService() if self._services.running else None
        return stopped

    async def _start(self) -> None:
        introducer = introducer_node(self._directory / "introducer")
        hint = f"tcp:{self._introducer.nearest}:{self._introducer.port}"
        storage = await storage_node(
            self._directory / "storage", lambda furl: relocated(furl, introducer.tub.tubID, hint)
        )
        introducer.setServiceParent(self._services)
        storage.setServiceParent(self._services)
        self._services.startService()
        for listener in _listeners(introducer, storage):
            if listener._lp is None:  # noqa: SLF001  Foolscap keeps the outcome of listen() nowhere else
                raise NotServing("a port was taken while starting")
        await self._announced(introducer, storage.get_long_nodeid())

    async def _announced(self, introducer: Introducer, server_id: bytes) -> None:
        registry = introducer.getServiceNamed("introducer")
        for _ in range(int(ANNOUNCED_WITHIN_SECONDS / LOOK_AGAIN_SECONDS)):
            if any(announcement.serverid == server_id for announcement in registry.get_announcements()):
                return
            await deferLater(reactor, LOOK_AGAIN_SECONDS)
        raise NotServing("the storage server could not announce itself")


def _listeners(*nodes: Any) -> Iterator[Any]:
    for node in nodes:
        yield from node.tub.getListeners()
