"""What all grids of one process have together: threads, memory for shares, and the numbers."""

from collections.abc import Mapping

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads

from s4_node.metrics import Metrics
from s4_node.objects import Objects
from s4_node.s3.bucket import Bucket
from s4_node.settings import MIB, StorageSettings
from s4_node.storage.cache import Cache
from s4_node.workers import Workers

THREADS = 16
CACHE_BYTES = 256 * MIB


class Shared:
    """One for a process, made before its first grid."""

    def __init__(
        self, metrics: Metrics, *, reactor: IReactorFromThreads, threads: int = THREADS, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self.metrics = metrics
        self.workers = Workers(threads, reactor=reactor, began=lambda _lane, waited: metrics.waited(waited))
        self.cache = Cache(cache_bytes)

    def objects(self, settings: StorageSettings, grid: str) -> Objects:
        """A grid's objects, in a lane of its own, counted as its own."""
        bucket = Bucket(settings.store, observe=self.metrics.bucket(grid))
        return Objects(bucket, self.workers.lane(grid, settings.caps.requests))

    def readings(self) -> Mapping[str, float]:
        """How much of it is in use."""
        return {"queue_length": sum(lane.waiting for lane in self.workers.lanes), "cache_bytes": self.cache.used}

    def start(self) -> None:
        """Requests are made from now on."""
        self.workers.start()

    def stop(self) -> "Deferred[None]":
        """No request is on its way any more. The grids were stopped before."""
        return self.workers.stop()
