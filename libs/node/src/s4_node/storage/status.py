"""What Tahoe-LAFS' statistics and status page ask of a storage server."""

from collections.abc import Mapping

from allmydata.storage.server import StorageServer

from s4_node.storage.expiry import ExpiryRules
from s4_node.storage.usage import Usage

UNLIMITED = 2**64 - 1  # what a client is told where there is no limit: the most that a Foolscap or CBOR integer takes
_TIMED = ("allocate", "write", "close", "read", "get", "writev", "readv", "add-lease", "renew", "cancel")


class Statistics:
    """Counts and latencies as the disk backend keeps them, and with its own functions."""

    add_latency = StorageServer.add_latency
    get_latencies = StorageServer.get_latencies
    count = StorageServer.count

    def __init__(self, stats_provider: object = None) -> None:
        self.stats_provider = stats_provider
        self.latencies: dict[str, list[float]] = {name: [] for name in _TIMED}

    def count_added(self, count: int) -> None:
        """So many bytes were not in the bucket before."""
        if self.stats_provider is not None:
            self.stats_provider.count("storage_server.bytes_added", count)  # type: ignore[attr-defined]  # StatsProvider

    def statistics(self, *, allocated: int, available: int | None, indexes: int | None) -> dict[str, float]:
        """Numbers by the disk backend's names. There is no disk: what is available is what the quota leaves."""
        numbers: dict[str, float] = {
            "storage_server.allocated": allocated,
            "storage_server.reserved_space": 0,
            "storage_server.accepting_immutable_shares": int(available is None or available > 0),
        }
        if available is not None:
            numbers["storage_server.disk_avail"] = available
        if indexes:
            numbers["storage_server.total_bucket_count"] = indexes
        for category, latencies in self.get_latencies().items():
            for name, value in latencies.items():
                numbers[f"storage_server.latencies.{category}.{name}"] = value
        return numbers


class BucketCounter:
    """In the place of the disk backend's crawler: the daily count of what is stored knows the storage indexes."""

    def __init__(self, usage: Usage) -> None:
        self._usage = usage

    def get_state(self) -> Mapping[str, object]:
        """How many storage indexes there were at the last count."""
        return {"last-complete-bucket-count": self._usage.storage_indexes}

    def get_progress(self) -> Mapping[str, object]:
        """Between two counts."""
        return _RESTING


class LeaseChecker:
    """In the place of the disk backend's crawler that expires leases: how the sweep is set."""

    def __init__(self, rules: ExpiryRules) -> None:
        self.expiration_enabled = rules.is_enabled
        self.mode = "age" if rules.cutoff is None else "cutoff-date"
        self.override_lease_duration = rules.age
        self.cutoff_date = rules.cutoff
        self.sharetypes_to_expire = sorted(kind.value for kind in rules.kinds)

    def get_state(self) -> Mapping[str, object]:
        """No history in the crawler's form: the sweep says in the log what it did."""
        return {"history": {}}

    def get_progress(self) -> Mapping[str, object]:
        """Between two sweeps."""
        return _RESTING


_RESTING = {"cycle-in-progress": False, "estimated-time-per-cycle": None, "remaining-wait-time": 0}
