"""What all grids of one process have together: threads, memory for shares, and the numbers."""

from collections.abc import Mapping

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads

from s4_node.metrics import Metrics
from s4_node.objects import Objects
from s4_node.s3.bucket import Bucket
from s4_node.settings import MIB, StorageSettings
from s4_node.storage.cache import Cache
from s4_node.storage.expiry import ExpiryRules
from s4_node.storage.server import S3StorageServer
from s4_node.workers import Workers

THREADS = 16
CACHE_BYTES = 256 * MIB
LAST_WORDS_SECONDS = 2.0  # for requests that nobody waits for any more


class Shared:
    """One for a process, made before its first grid."""

    def __init__(
        self, metrics: Metrics, *, reactor: IReactorFromThreads, threads: int = THREADS, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self.metrics = metrics
        self._reactor = reactor
        self.workers = Workers(threads, reactor=reactor, began=lambda _lane, waited: metrics.waited(waited))
        self.cache = Cache(cache_bytes)

    def storage_server(
        self,
        settings: StorageSettings,
        nodeid: bytes,
        *,
        grid: str,
        readonly: bool = False,
        expiry: ExpiryRules = ExpiryRules(),  # noqa: B008  frozen
        stats_provider: object = None,
    ) -> S3StorageServer:
        """A grid's storage server: its requests are counted as its own and made in a lane of their own."""
        lane = self.workers.lane(grid, settings.caps.requests)
        cache = self.cache.for_grid(grid, settings.caps.cache_bytes)

        def left() -> None:
            lane.close()
            cache.close()

        objects = Objects(Bucket(settings.store, observe=self.metrics.bucket(grid)), lane)
        try:
            return S3StorageServer(
                settings,
                objects,
                cache,
                nodeid,
                clock=self._reactor,
                readonly=readonly,
                expiry=expiry,
                stats_provider=stats_provider,
                left=left,
            )
        except BaseException:  # its spool cannot be written to
            left()
            raise

    def readings(self) -> Mapping[str, float]:
        """How much of it is in use."""
        return {"queue_length": sum(lane.waiting for lane in self.workers.lanes), "cache_bytes": self.cache.used}

    def start(self) -> None:
        """Requests are made from now on."""
        self.workers.start()

    def stop(self) -> "Deferred[None]":
        """No request is on its way any more. The grids were stopped before."""
        return self.workers.stop(LAST_WORDS_SECONDS)
