"""The storage server of a grid as a whole: its quota, what it says of itself, and how it ends."""

from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from s4_node.metrics import Metrics
from s4_node.s3.bucket import Bucket
from s4_node.s3.values import Store
from s4_node.settings import MIB, StorageSettings
from s4_node.storage import container
from s4_node.storage.conditions import ConditionsIgnored
from s4_node.storage.server import S3StorageServer
from s4_node.storage.shared import Shared
from s4_node.storage.upload import Upload
from support.s3_control import S3Control
from support.spinning import reactor, spin, until
from support.storing import CANCEL, ENABLER, NODEID, RENEW, a_server, storage_index

V1 = b"http://allmydata.org/tahoe/protocols/storage/v1"
SIZE = 1000
MUTABLE = (ENABLER, RENEW, CANCEL)


def allocate(
    server: S3StorageServer, index: bytes, numbers: set[int], size: int = SIZE
) -> "Deferred[tuple[set[int], dict[int, Upload]]]":
    return server.allocate_buckets(index, RENEW, CANCEL, numbers, size)


def store_one(server: S3StorageServer, index: bytes) -> None:
    _, uploads = spin(allocate(server, index, {0}))
    spin(uploads[0].write(0, b"x" * SIZE))
    spin(uploads[0].close())


def room(server: S3StorageServer) -> tuple[object, object]:
    said = server.get_version()[V1]
    assert isinstance(said, dict)
    return said[b"available-space"], said[b"maximum-immutable-share-size"]


def test_the_quota_is_what_clients_are_told_and_uploads_on_their_way_count(store: Store, tmp_path: Path) -> None:
    whole = container.size(SIZE)
    with a_server(store, tmp_path, quota_bytes=3 * whole) as server:
        assert room(server) == (3 * whole, 3 * whole - container.size(0))

        _, uploads = spin(allocate(server, storage_index(), {0, 1, 2, 3, 4}))

        assert set(uploads) == {0, 1, 2}
        assert room(server) == (0, 0)
        spin(uploads[0].abort())
        assert room(server)[0] == whole
        spin(uploads[1].write(0, b"x" * SIZE))
        spin(uploads[1].close())
        assert room(server)[0] == whole


def test_without_a_quota_the_spool_bounds_a_share_and_nothing_bounds_the_grid(store: Store, tmp_path: Path) -> None:
    with a_server(store, tmp_path) as server:
        space, largest = room(server)
        assert space == 2**64 - 1
        _, uploads = spin(allocate(server, storage_index(), {0}, 5000 * MIB))
    assert largest == StorageSettings(store, tmp_path).caps.spool_bytes - container.size(0)
    assert uploads == {}


def test_two_clients_that_ask_at_once_do_not_get_the_same_share(store: Store, tmp_path: Path) -> None:
    index = storage_index()
    with a_server(store, tmp_path) as server:
        asked = [allocate(server, index, {0, 1}) for _ in range(2)]
        given = [set(spin(answer)[1]) for answer in asked]
    assert given == [{0, 1}, set()]


def test_a_readonly_server_says_so_and_takes_nothing_but_is_read(store: Store, tmp_path: Path) -> None:
    index = storage_index()
    with a_server(store, tmp_path) as server:
        store_one(server, index)
    with a_server(store, tmp_path, readonly=True) as server:
        assert room(server) == (0, 0)
        assert spin(allocate(server, storage_index(), {0}))[1] == {}
        assert server.get_stats()["storage_server.accepting_immutable_shares"] == 0
        reader = spin(server.get_reader(index, 0))
        assert spin(reader.read(0, 10)) == b"x" * 10


def test_a_server_that_stops_leaves_nothing_in_the_spool_and_no_parts_in_the_bucket(
    store: Store, tmp_path: Path, s3_control: S3Control
) -> None:
    with a_server(store, tmp_path) as server:
        _, uploads = spin(allocate(server, storage_index(), {0, 1}, 12 * MIB))
        spin(uploads[0].write(0, bytes(6 * MIB)))
        until(lambda: s3_control.counts()["UploadPart"] > 0)
    assert [*(tmp_path / "spool").iterdir()] == []
    assert [*Bucket(store).uploads("")] == []
    assert [*Bucket(store).list("shares/")] == []


def test_what_is_in_use_is_read_without_asking_s3(store: Store, tmp_path: Path, s3_control: S3Control) -> None:
    with a_server(store, tmp_path) as server:
        store_one(server, storage_index())
        spin(allocate(server, storage_index(), {0}, 5000))
        s3_control.clear_counts()
        readings, stats, version = server.readings(), server.get_stats(), server.get_version()
        assert not s3_control.counts()
    assert readings["uploads"] == 1
    assert readings["spool_bytes"] == container.size(5000)
    assert readings["stored_objects"] == 1
    assert readings["stored_bytes"] == container.size(SIZE)
    assert stats["storage_server.allocated"] == 5000
    assert stats["storage_server.latencies.allocate.samplesize"] == 2
    assert version[b"application-version"]
    assert not server.have_shares()


def test_an_allocation_on_what_is_there_renews_its_lease_and_gives_nothing(store: Store, tmp_path: Path) -> None:
    index = storage_index()
    with a_server(store, tmp_path) as server:
        store_one(server, index)
        present, uploads = spin(server.allocate_buckets(index, b"another".ljust(32), CANCEL, {0}, SIZE))
    assert (present, uploads) == ({0}, {})
    assert len([*Bucket(store).list("leases/")]) == 1


def test_an_advisory_is_kept_of_shares_that_are_there_only(store: Store, tmp_path: Path) -> None:
    index = storage_index()
    with a_server(store, tmp_path) as server:
        store_one(server, index)
        spin(server.advise_corrupt_share(b"immutable", index, 0, b"it smells"))
        spin(server.advise_corrupt_share(b"immutable", index, 1, b"it smells"))
    assert len([*Bucket(store).list("corruption-advisories/")]) == 1


def test_conditions_are_required_of_a_store_that_answers_and_waited_for_of_another(
    store: Store, tmp_path: Path, s3_control: S3Control
) -> None:
    with a_server(store, tmp_path) as server:
        s3_control.fail("slow_down", times=None)
        spin(server.require_conditions())
        s3_control.clear_faults()
        s3_control.behave(ignores_conditions=True)
        with pytest.raises(ConditionsIgnored, match="single_writer = true"):
            spin(server.require_conditions())
        with pytest.raises(ConditionsIgnored):
            spin(
                server.slot_testv_and_readv_and_writev(storage_index(), (ENABLER, RENEW, CANCEL), {0: ([], [], 0)}, [])
            )
        assert spin(server.slot_testv_and_readv_and_writev(storage_index(), (ENABLER, RENEW, CANCEL), {}, [])) == (
            True,
            {},
        )


def test_a_server_that_cannot_be_made_takes_nothing_of_what_the_process_shares(store: Store, tmp_path: Path) -> None:
    shared = Shared(Metrics(), reactor=reactor)
    (tmp_path / "spool").write_text("no folder")

    with pytest.raises(FileExistsError):
        shared.storage_server(StorageSettings(store, tmp_path / "spool"), NODEID, grid="grid")

    assert not shared.workers.lanes
    assert not shared.cache.grids


def test_a_server_that_never_started_gives_back_what_it_had(store: Store, tmp_path: Path) -> None:
    shared = Shared(Metrics(), reactor=reactor)
    shared.start()
    server = shared.storage_server(StorageSettings(store, tmp_path / "spool"), NODEID, grid="grid")
    assert len(shared.workers.lanes) == len(shared.cache.grids) == 1
    assert shared.readings() == {"queue_length": 0, "cache_bytes": 0}

    spin(server.stopService())

    assert not shared.workers.lanes
    assert not shared.cache.grids
    spin(shared.stop())
