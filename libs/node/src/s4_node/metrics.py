"""The numbers of a serving process, for Prometheus; a grid's id is the only label that names a customer's thing.

What happens is counted as it happens (requests to S3, waits for a thread); what is there is asked when somebody looks.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, disable_created_metrics, generate_latest
from prometheus_client import Counter as Total
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

NAME = "s4_node"
LATENCY_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 45.0)
WAIT_SECONDS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0)
MOST_OUTCOMES = 40  # S3's codes come from another machine: what it may invent is bounded

# S3 API Reference, "Error responses": no request succeeds until there are other keys.
KEYS_OF_NO_USE = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId", "SignatureDoesNotMatch"}

Readings = Callable[[], Mapping[str, float]]

# What may be read of a grid or of the process, by its name.
GAUGES = {
    "queue_length": "Requests to S3 that wait for a thread.",
    "spool_bytes": "Bytes on disk of uploads on their way to the bucket.",
    "spool_limit_bytes": "What the spools may hold together.",
    "uploads": "Immutable shares being uploaded.",
    "cache_bytes": "Bytes of shares in memory.",
    "stored_bytes": "Bytes of shares in the bucket, as last counted.",
    "stored_objects": "Shares in the bucket, as last counted.",
}
COUNTERS = {
    "cache_hits": "Blocks of shares that were in memory when asked for.",
    "cache_misses": "Blocks of shares that had to be fetched.",
}


class BucketMeter:
    """Counts one grid's requests to S3: give it to its Bucket as `observe`. Safe in any thread."""

    def __init__(self, metrics: "Metrics", grid: str) -> None:
        self._metrics, self._grid = metrics, grid
        self.succeeded_at: float | None = None  # by time.monotonic()
        self.refused = ""  # the code, where the last that S3 said of the keys is that they are of no use

    def succeeded_within(self, seconds: float) -> bool:
        """The bucket did what it was asked, at most so long ago."""
        return self.succeeded_at is not None and time.monotonic() - self.succeeded_at <= seconds

    def __call__(self, operation: str, outcome: str, seconds: float, sent: int, received: int) -> None:
        """One attempt is over: "ok", or the code that S3 gave."""
        if outcome == "ok":
            self.succeeded_at, self.refused = time.monotonic(), ""
        elif outcome in KEYS_OF_NO_USE:
            self.refused = outcome
        self._metrics.requested(self._grid, operation, outcome, seconds, sent=sent, received=received)


class Metrics:
    """All numbers of one process; `per_grid` labels them with the grid they are of."""

    def __init__(self, *, per_grid: bool = False) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # has no types
        self._per_grid = per_grid
        self._lock = threading.Lock()
        self._outcomes: set[str] = set()
        self._seen: dict[str, set[tuple[str, str]]] = {}  # operations and outcomes of each grid
        self._meters: dict[str, BucketMeter] = {}
        self._sources: dict[str, list[Readings]] = {}
        self._gone: dict[str, float] = {}  # what grids that are gone had counted
        self.states: Callable[[], Mapping[str, int]] = dict
        self._registry = CollectorRegistry()
        self._requests = self._total("s3_requests", "Attempts of requests to S3, by what came of them.", "outcome")
        self._sent = self._total("s3_sent_bytes", "Bytes of bodies sent to S3.")
        self._received = self._total("s3_received_bytes", "Bytes of bodies that S3 sent.")
        self._seconds = Histogram(
            f"{NAME}_s3_request_seconds",
            "How long an attempt of a request to S3 took.",
            ["operation"],
            buckets=LATENCY_SECONDS,
            registry=self._registry,
        )
        self._wait = Histogram(
            f"{NAME}_queue_seconds",
            "How long a request to S3 waited for a thread.",
            buckets=WAIT_SECONDS,
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)
        self._registry.register(self)

    def bucket(self, grid: str) -> BucketMeter:
        """What counts the requests of one grid's bucket; the same one until the grid is forgotten."""
        return self._meters.setdefault(grid, BucketMeter(self, grid))

    def requested(self, grid: str, operation: str, outcome: str, seconds: float, *, sent: int, received: int) -> None:
        """One attempt of a request to S3 is over."""
        with self._lock:
            if outcome not in self._outcomes and len(self._outcomes) >= MOST_OUTCOMES:
                outcome = "other"
            self._outcomes.add(outcome)
            self._seen.setdefault(grid, set()).add((operation, outcome))
        owner = self._owner(grid)
        self._requests.labels(*owner, operation, outcome).inc()
        self._sent.labels(*owner, operation).inc(sent)
        self._received.labels(*owner, operation).inc(received)
        self._seconds.labels(operation).observe(seconds)

    def waited(self, seconds: float) -> None:
        """A request to S3 got its thread after so long."""
        self._wait.observe(seconds)

    def watch(self, grid: str, readings: Readings) -> None:
        """Ask `readings` whenever somebody looks: names of GAUGES and COUNTERS with their values.

        `grid` is empty for what all grids of the process share.
        """
        self._sources.setdefault(grid, []).append(readings)

    def forget(self, grid: str) -> None:
        """The grid is gone, and with it what was said of it alone."""
        self._meters.pop(grid, None)
        for reading in [readings() for readings in self._sources.pop(grid, []) if not self._per_grid]:
            self._gone |= {name: self._gone.get(name, 0.0) + reading[name] for name in COUNTERS if name in reading}
        with self._lock:
            seen = self._seen.pop(grid, set())
        if self._per_grid:
            for operation, outcome in seen:
                self._requests.remove(grid, operation, outcome)
            for operation in {operation for operation, _ in seen}:
                self._sent.remove(grid, operation)
                self._received.remove(grid, operation)

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return bytes(generate_latest(self._registry))

    def collect(self) -> Iterator[Metric]:
        """What prometheus_client asks of a collector."""
        states = GaugeMetricFamily(f"{NAME}_grids", "Grids of this process, by how they are.", labels=["state"])
        for state, number in sorted(self.states().items()):
            states.add_metric([state], number)
        yield states
        read = [("", self._gone), *((grid, one()) for grid, sources in self._sources.items() for one in sources)]
        for kind, texts in ((GaugeMetricFamily, GAUGES), (CounterMetricFamily, COUNTERS)):
            for name, text in texts.items():
                values: dict[tuple[str, ...], float] = {}
                for grid, reading in read:
                    if name in reading:
                        owner = self._owner(grid)
                        values[owner] = values.get(owner, 0.0) + reading[name]
                if values:
                    family = kind(f"{NAME}_{name}", text, labels=self._owner("grid"))
                    for owner, value in values.items():
                        family.add_metric(owner, value)
                    yield family

    def _owner(self, grid: str) -> tuple[str, ...]:
        return (grid,) if self._per_grid else ()

    def _total(self, name: str, text: str, *labels: str) -> Total:
        return Total(f"{NAME}_{name}", text, (*self._owner("grid"), "operation", *labels), registry=self._registry)
