"""What a client is told that asks to store: of shares that come or expire at that moment, of a server that ends."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from s4_node.s3.values import Store
from s4_node.storage.expiry import rules
from s4_node.storage.server import S3StorageServer
from s4_node.storage.upload import Upload
from s4_node.workers import Stopped
from support.s3_control import S3Control
from support.spinning import spin, turns, until
from support.storing import CANCEL, RENEW, a_server, storage_index

EVERYTHING_HAS_EXPIRED = rules(enabled=True, mode="cutoff-date", cutoff_date=2**40)
DATA = b"x" * 1000

Allocated = tuple[set[int], dict[int, Upload]]


@pytest.fixture
def server(store: Store, tmp_path: Path) -> Iterator[S3StorageServer]:
    with a_server(store, tmp_path, expiry=EVERYTHING_HAS_EXPIRED) as server:
        yield server


def allocate(server: S3StorageServer, index: bytes, renew: bytes = RENEW) -> "Deferred[Allocated]":
    return server.allocate_buckets(index, renew, CANCEL, {0}, len(DATA))


def upload(server: S3StorageServer, index: bytes) -> None:
    _, uploads = spin(allocate(server, index))
    spin(uploads[0].write(0, DATA))
    spin(uploads[0].close())


def test_a_share_that_expires_at_this_moment_is_not_said_to_be_there(
    server: S3StorageServer, s3_control: S3Control
) -> None:
    index = storage_index()
    upload(server, index)
    s3_control.clear_counts()
    s3_control.fail("hold", "DeleteObject")
    swept = Deferred.fromCoroutine(server._expiry.sweep())
    until(lambda: s3_control.counts()["DeleteObject"] == 1)
    asked = allocate(server, index, b"another".ljust(32))
    turns(50)
    s3_control.release()

    present, uploads = spin(asked)

    assert spin(swept).deleted.objects == 1
    assert (present, set(uploads)) == (set(), {0})


def test_a_server_that_has_stopped_begins_no_upload(server: S3StorageServer, s3_control: S3Control) -> None:
    s3_control.fail("hold", "ListObjectsV2")
    asked = allocate(server, storage_index())
    until(lambda: s3_control.counts()["ListObjectsV2"] == 1)
    stopped = server.stopService()
    s3_control.release()

    with pytest.raises(Stopped):
        spin(asked)

    spin(stopped)
    assert (server.allocated_size(), server.readings()["spool_bytes"]) == (0, 0)


class Producers:
    """Where the node's counts are kept, as allmydata.stats.StatsProvider has it."""

    def __init__(self) -> None:
        self.counted = Counter[str]()

    def register_producer(self, producer: object) -> None:
        """Whoever is asked for more."""

    def count(self, name: str, delta: int = 1) -> None:
        self.counted[name] += delta


def test_bytes_and_storage_indexes_are_in_the_statistics_by_the_disk_backends_names(
    store: Store, tmp_path: Path
) -> None:
    told = Producers()
    with a_server(store, tmp_path, stats_provider=told) as server:
        upload(server, storage_index())
        assert told.counted["storage_server.bytes_added"] == 12 + len(DATA) + 72
        assert "storage_server.total_bucket_count" not in server.get_stats()
        spin(server._usage.count())
        assert server.get_stats()["storage_server.total_bucket_count"] == 1
