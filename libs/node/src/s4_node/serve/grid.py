"""A grid in this process: it is served once its nodes listen and its storage server is announced."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService
from twisted.internet import reactor
from twisted.internet.task import deferLater

from s4_node.nodes import Client, Introducer, S3Client, introducer_node, relocated, storage_node
from s4_node.serve.condition import Stored
from s4_node.serve.connections import cut_soon
from s4_node.serve.places import Places

if TYPE_CHECKING:
    from s4_node.storage.server import S3StorageServer
    from s4_node.storage.shared import Shared

LOOK_AGAIN_SECONDS = 0.02
ANNOUNCED_WITHIN_SECONDS = 20.0


class NotServing(Exception):
    """The nodes run, but the grid cannot be used."""


class Grid:
    """The nodes of one grid that are here; opened and closed once."""

    def __init__(self, grid_id: str, places: Places, shared: "Shared") -> None:
        self._id, self._places, self._shared = grid_id, places, shared
        self._services = MultiService()
        self._introducer: Introducer | None = None
        self._storage: Client | None = None

    async def open(self) -> None:
        """The nodes listen. Raises whatever keeps them from it; close() is needed then as well."""
        self._places.require_free()
        if self._places.introducer:
            self._introducer = introducer_node(self._places.introducer)
            self._introducer.setServiceParent(self._services)
        if self._places.storage:
            self._places.introduce()
            self._storage = await storage_node(self._places.storage, self._nearest, self._shared, grid=self._id)
            self._storage.setServiceParent(self._services)
        self._services.startService()
        if not self.listens:
            raise NotServing("a port was taken while starting")

    async def announced(self) -> None:
        """The storage server is known to the introducer; where that is elsewhere, nobody waits for it."""
        if self._introducer is None or self._storage is None:
            return
        for _ in range(int(ANNOUNCED_WITHIN_SECONDS / LOOK_AGAIN_SECONDS)):
            if self.is_announced:
                return
            await deferLater(reactor, LOOK_AGAIN_SECONDS)
        raise NotServing(
            "the introducer does not know of the storage server beside it; does private/introducers.yaml name that one?"
        )

    async def close(self) -> None:
        """Nothing of the grid runs or listens any more."""
        if self._services.running:
            cutting = cut_soon([*self._nodes], reactor)
            await self._services.stopService()
            if cutting.active():
                cutting.cancel()
        elif self.bucket_server is not None:
            await self.bucket_server.stopService()  # gives back its threads and its memory

    @property
    def listens(self) -> bool:
        """Every node here listens; Foolscap keeps the outcome of listen() nowhere else."""
        listeners = [*self._listeners()]
        return bool(listeners) and all(listener._lp is not None for listener in listeners)  # noqa: SLF001  see above

    @property
    def is_announced(self) -> bool | None:
        """The introducer knows the storage server; None when there is no storage server here."""
        if self._storage is None:
            return None
        if self._introducer is None:
            return all(client.connected_to_introducer() for client in self._storage.introducer_clients)
        server_id = self._storage.get_long_nodeid()
        registry = self._introducer.getServiceNamed("introducer")
        return any(announcement.serverid == server_id for announcement in registry.get_announcements())

    @property
    def bucket_server(self) -> "S3StorageServer | None":
        """The storage server whose shares are in a bucket; None where they are on a disk, or elsewhere."""
        return self._storage.get_anonymous_storage_server() if isinstance(self._storage, S3Client) else None

    @property
    def stored(self) -> Stored | None:
        """How much is in the bucket; None where that is not known, or there is none."""
        server = self.bucket_server
        if server is None or server.stored is None:
            return None
        return Stored(server.stored.bytes, server.stored.objects)

    def _nearest(self, furl: str) -> str:
        address = self._places.introducer_address()
        if self._introducer is None or address is None:
            return furl
        return relocated(furl, self._introducer.tub.tubID, f"tcp:{address.nearest}:{address.port}")

    def _listeners(self) -> Iterator[Any]:
        for node in self._nodes:
            yield from node.tub.getListeners()

    @property
    def _nodes(self) -> Iterator["Introducer | Client"]:
        return (node for node in (self._introducer, self._storage) if node is not None)
