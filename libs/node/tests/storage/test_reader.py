"""Shares as clients read them, over a real S3: the disk backend's answers, few requests, and clear errors."""

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from allmydata.storage.immutable import ShareFile
from allmydata.storage.immutable_schema import ALL_SCHEMAS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher

from s4_node.objects import Objects
from s4_node.s3.bucket import Bucket
from s4_node.s3.errors import Forbidden, Unavailable
from s4_node.s3.requests import Patience
from s4_node.s3.values import Store
from s4_node.settings import StorageSettings
from s4_node.storage import container, layout
from s4_node.storage.blocks import Blocks
from s4_node.storage.cache import Cache
from s4_node.storage.listing import Listings
from s4_node.storage.reader import DamagedShare, NoSuchShare, Reader, Readers
from s4_node.workers import Workers
from support.s3_control import S3Control
from support.spinning import reactor, spin

SI = b"0123456789abcdef"
MIB = 2**20


def a_share(data: bytes, leases: int = 1, version: int = 2) -> bytes:
    return struct.pack(">LLL", version, len(data), leases) + data + bytes(72 * leases)


class Grid:
    """A node's reading half."""

    def __init__(self, store: Store, workers: Workers, patience: Patience = Patience()) -> None:  # noqa: B008  frozen
        self.bucket, self.clock = Bucket(store, patience=patience), Clock()
        self.advised: list[tuple[object, ...]] = []
        lane = workers.lane("grid", 8)
        self.objects = Objects(self.bucket, lane)
        self.listings = Listings(self.objects, self.clock)
        self.cache = Cache(64 * MIB).for_grid("grid", 32 * MIB)
        blocks = Blocks(self.objects, self.cache, StorageSettings(store, Path("spool")))
        self.readers = Readers(self.listings, blocks, self.advise, self.clock)

    def advise(self, kind: str, storage_index: bytes, number: int, reason: bytes) -> "Deferred[None]":
        self.advised.append((kind, storage_index, number, reason))
        return succeed(None)

    def store_share(self, number: int, body: bytes) -> None:
        """Another node does."""
        self.bucket.put(layout.share(SI, number), body)

    def one(self, number: int = 0) -> Reader:
        reader: Reader = spin(self.readers.one(SI, number))
        return reader

    def read(self, offset: int, length: int, number: int = 0) -> bytes:
        body: bytes = spin(self.one(number).read(offset, length))
        return body


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers(16, reactor=reactor)
    workers.start()
    yield workers
    spin(workers.stop())


@pytest.fixture
def grid(store: Store, workers: Workers) -> Grid:
    return Grid(store, workers)


@pytest.fixture
def logged() -> Iterator[list[LogEvent]]:
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


def test_a_small_file_is_one_list_and_one_get(grid: Grid, s3_control: S3Control) -> None:
    grid.store_share(0, a_share(b"a small share"))
    s3_control.clear_counts()
    readers = spin(Deferred.fromCoroutine(grid.readers.all(SI)))
    reader = readers[0]
    assert spin(gatherResults([reader.read(0, 1024), reader.read(6, 2048), reader.get_length()])) == [
        b"a small share",
        b"l share",
        13,
    ]
    assert grid.read(2, 5) == b"small"
    assert s3_control.counts() == {"ListObjectsV2": 1, "GetObject": 1}


def test_ranges_read_one_by_one_over_http_cost_one_list_however_long_it_takes(
    grid: Grid, s3_control: S3Control
) -> None:
    body = bytes(range(256)) * 4 * 4096
    grid.store_share(0, a_share(body))
    s3_control.clear_counts()
    for start in range(0, len(body), 128 * 1024):
        assert grid.read(start, 128 * 1024) == body[start : start + 128 * 1024]
        grid.clock.advance(15)
    assert s3_control.counts()["ListObjectsV2"] == 1
    assert s3_control.counts()["GetObject"] <= 4
    grid.clock.advance(601)
    grid.read(0, 1)
    assert s3_control.counts()["ListObjectsV2"] == 2


DATA, PLACE = st.binary(max_size=300), st.integers(0, 400)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.builds(a_share, DATA, st.integers(0, 3), st.sampled_from([1, 2])), PLACE, PLACE)
def test_reads_are_those_of_the_disk_backend(
    grid: Grid, tmp_path: Path, share: bytes, offset: int, length: int
) -> None:
    (tmp_path / "share").write_bytes(share)
    disk = ShareFile(str(tmp_path / "share"))
    grid.store_share(0, share)
    grid.listings.forget(SI)
    assert grid.read(offset, length) == disk.read_share_data(offset, length)
    assert spin(grid.one().get_length()) == disk.get_length()


def test_every_version_that_the_disk_backend_knows_can_be_read(grid: Grid) -> None:
    for schema in ALL_SCHEMAS:
        grid.store_share(schema.version, a_share(b"data", version=schema.version))
    for schema in ALL_SCHEMAS:
        assert grid.read(0, 10, schema.version) == b"data"


def test_a_share_that_a_node_wrote_can_be_read(grid: Grid) -> None:
    share = container.header(4) + b"data" + bytes(72)
    grid.store_share(3, share)
    assert grid.read(0, 100, 3) == b"data"


def test_a_place_before_the_beginning_is_refused(grid: Grid) -> None:
    grid.store_share(0, a_share(b"data"))
    with pytest.raises(ValueError, match="-1"):
        grid.one().read(-1, 5)


def test_a_share_that_is_not_there_is_no_such_share(grid: Grid, s3_control: S3Control) -> None:
    s3_control.clear_counts()
    for _ in range(3):
        with pytest.raises(NoSuchShare):
            grid.one(5)
    assert s3_control.counts() == {"ListObjectsV2": 1}
    assert spin(Deferred.fromCoroutine(grid.readers.all(SI))) == {}


def test_a_share_that_another_node_has_written_since_is_found(grid: Grid) -> None:
    grid.store_share(0, a_share(b"zero"))
    assert grid.read(0, 10) == b"zero"
    grid.clock.advance(2)
    grid.store_share(1, a_share(b"one"))
    assert grid.read(0, 10, 1) == b"one"


def test_a_share_that_was_replaced_is_looked_for_again(grid: Grid) -> None:
    grid.store_share(0, a_share(b"x" * 3 * MIB))
    reader = grid.one()
    assert spin(reader.read(0, 4)) == b"xxxx"
    grid.store_share(0, a_share(b"y" * 2 * MIB))
    both = gatherResults([reader.read(MIB + 10, 4), reader.read(2 * MIB - 2, 4)])
    assert spin(both) == [b"yyyy", b"yy"]
    assert spin(reader.get_length()) == 2 * MIB


def test_what_is_in_memory_is_answered_at_once(grid: Grid, s3_control: S3Control) -> None:
    grid.store_share(0, a_share(b"a small share"))
    reader = grid.one()
    assert spin(reader.read(0, 1)) == b"a"
    s3_control.fail("hang", times=None)
    answers = [reader.read(2, 5), reader.read(8, 100), reader.read(13, 1), reader.get_length()]
    assert [answer.result for answer in answers] == [b"small", b"share", b"", 13]


def test_a_share_that_vanished_is_no_such_share_and_its_listing_forgotten(grid: Grid) -> None:
    grid.store_share(0, a_share(b"x" * 3 * MIB))
    reader = grid.one()
    spin(reader.read(0, 4))
    grid.bucket.delete(layout.share(SI, 0))
    with pytest.raises(NoSuchShare):
        spin(reader.read(2 * MIB, 4))
    with pytest.raises(NoSuchShare):
        grid.one()


def test_a_share_that_this_node_deletes_is_gone_at_once(grid: Grid) -> None:
    grid.store_share(0, a_share(b"data"))
    assert grid.read(0, 4) == b"data"
    spin(grid.objects.delete(layout.share(SI, 0)))
    grid.listings.remove(SI, 0)
    with pytest.raises(NoSuchShare):
        grid.one()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\0\0\2",
        a_share(b"x" * 1000)[:500],
        a_share(b"x" * 1000, leases=3)[:200],
        b"Tahoe mutable container v1\n\x75\x09\x44\x03\x8e" + bytes(500),
        bytes(500),
    ],
)
def test_what_is_no_whole_share_is_an_error_said_once_and_other_shares_are_read(
    grid: Grid, body: bytes, logged: list[LogEvent]
) -> None:
    grid.store_share(0, body)
    grid.store_share(1, a_share(b"well"))
    readers = spin(Deferred.fromCoroutine(grid.readers.all(SI)))
    for answer in (readers[0].read(0, 10), readers[0].get_length(), readers[0].read(100, 1), readers[0].get_length()):
        with pytest.raises(DamagedShare):
            spin(answer)
    assert spin(readers[1].read(0, 10)) == b"well"
    said = [event for event in logged if event["log_format"] == "share.damaged"]
    assert [event["share"] for event in said] == [layout.share(SI, 0)]
    assert said[0]["problem"]


def test_s3_that_does_not_answer_or_refuses_is_no_missing_share(
    store: Store, workers: Workers, s3_control: S3Control
) -> None:
    grid = Grid(store, workers, Patience(whole=0.3, first_pause=0.01))
    grid.store_share(0, a_share(b"x" * 3 * MIB))
    reader = grid.one()
    for kind, error in (("slow_down", Unavailable), ("access_denied", Forbidden)):
        s3_control.fail(kind, "GetObject", times=None)
        with pytest.raises(error):
            spin(reader.read(0, 10))
        s3_control.clear_faults()
    assert spin(reader.read(0, 4)) == b"xxxx"


def test_what_a_client_says_of_a_share_is_passed_on(grid: Grid) -> None:
    grid.store_share(2, a_share(b"data"))
    spin(grid.one(2).advise_corrupt_share(b"a hash does not fit"))
    assert grid.advised == [("immutable", SI, 2, b"a hash does not fit")]


def test_a_long_share_is_read_with_few_requests_and_in_bounded_memory(grid: Grid, s3_control: S3Control) -> None:
    data = bytes(range(256)) * 4096 * 24
    grid.store_share(0, a_share(data))
    s3_control.clear_counts()
    s3_control.latency(5)
    reader = grid.one()

    async def whole() -> bytes:
        read = bytearray()
        while piece := await reader.read(len(read), 128 * 1024):
            read += piece
            assert grid.cache.used <= grid.cache.cap
        return bytes(read)

    assert spin(whole()) == data
    assert s3_control.counts()["GetObject"] <= 13
    assert s3_control.sums()["GetObject"].sent <= len(a_share(data)) + 64 * 1024
