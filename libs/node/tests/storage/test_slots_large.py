"""Mutable shares that are too large for memory: read by ranges, rewritten through the spool, exact to the byte."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from allmydata.interfaces import NoSpace
from allmydata.storage.server import StorageServer
from twisted.internet.defer import Deferred, gatherResults

from s4_node.s3.errors import S3Error
from s4_node.s3.values import Store
from s4_node.settings import MIB, Caps
from s4_node.storage.images import MemoryImage
from s4_node.storage.mutable_container import DATA_AT, MutableContainer
from s4_node.storage.rewriting import kept_ranges
from s4_node.storage.slots import MutableShare, Vectors
from support.s3_control import S3Control
from support.slot_grid import INDEX, SECRETS, SlotGrid, a_slot_grid, disk_server
from support.spinning import spin

DATA = random.Random(1).randbytes(7 * MIB)


@pytest.fixture
def grid(store: Store, tmp_path: Path) -> Iterator[SlotGrid]:
    with a_slot_grid(store, tmp_path) as grid:
        yield grid


def on_disk(disk: StorageServer) -> bytes:
    ((_, path),) = disk.get_shares(INDEX)
    return Path(path).read_bytes()


def test_a_large_share_is_written_read_and_changed_as_on_disk(grid: SlotGrid, tmp_path: Path) -> None:
    node, disk = grid.node(), disk_server(tmp_path / "disk", grid.clock)
    changes: list[Vectors] = [
        {0: ([(0, 1, b"eq", b"")], [(0, DATA)], None)},
        {0: ([(5, 4, b"eq", DATA[5:9])], [(3 * MIB, b"in the middle")], None)},
        {0: ([], [(7 * MIB + 500, b"behind the end"), (10, b"near the beginning")], None)},
        {0: ([], [(0, DATA[::-1])], 100)},
        {0: ([], [(6 * MIB, b"after zeros")], None)},
        {0: ([], [], 5 * MIB)},
    ]
    for change in changes:
        grid.clock.advance(5)
        vector = [(0, 20), (3 * MIB - 5, 30), (6 * MIB, 2 * MIB)]
        expected = disk.slot_testv_and_readv_and_writev(INDEX, SECRETS, change, vector)
        assert node.exchange(change, vector) == expected
        assert node.stored() == on_disk(disk)
        assert spin(grid.node().slots.readv(INDEX, [], vector)) == disk.slot_readv(INDEX, [], vector)
        assert node.usage.total.bytes == len(node.stored())
    assert node.spool.reserved == 0
    assert [*node.spool.folder.iterdir()] == []


def test_a_fifth_lease_of_a_large_share_is_behind_its_data(grid: SlotGrid, tmp_path: Path) -> None:
    node, disk = grid.node(), disk_server(tmp_path / "disk", grid.clock)
    for number in range(6):
        secrets = (SECRETS[0], bytes([number]) * 32, bytes([number + 9]) * 32)
        change: Vectors = {0: ([], [(number * 10, DATA)], None)}
        disk.slot_testv_and_readv_and_writev(INDEX, secrets, change, [])
        assert node.exchange(change, secrets=secrets)[0]
    assert node.stored() == on_disk(disk)
    assert len(node.expiries()) == 6


def test_a_share_grows_from_small_to_large_and_is_read_piece_by_piece(grid: SlotGrid) -> None:
    node = grid.node()
    node.write(b"small")
    node.write(DATA, 5)
    share: MutableShare = spin(grid.node().slots.open(INDEX, 0))
    assert share.length == len(DATA) + 5
    pieces = [spin(share.read(at, MIB)) for at in range(0, share.length, MIB)]
    assert b"".join(pieces) == b"small" + DATA


def test_little_of_a_large_share_is_read_for_a_little(grid: SlotGrid, s3_control: S3Control) -> None:
    grid.node().write(DATA)
    reader = grid.node()
    s3_control.clear_counts()
    spin(reader.slots.readv(INDEX, [], [(0, 50)]))
    assert s3_control.counts() == {"ListObjectsV2": 1, "GetObject": 1}
    assert s3_control.sums()["GetObject"].sent <= 64 * 1024


def test_what_is_written_over_is_not_read_first(grid: SlotGrid, s3_control: S3Control) -> None:
    node = grid.node()
    node.write(DATA)
    s3_control.clear_counts()
    node.write(DATA[::-1])
    assert s3_control.sums()["GetObject"].sent < 10_000
    assert s3_control.counts()["CompleteMultipartUpload"] == 1


def test_the_bytes_that_are_kept_are_all_but_those_written_over() -> None:
    share = MutableContainer.create(MemoryImage(), "x", b"n" * 20, b"w" * 32)
    share.writev([(0, bytes(1000))], None)
    header, size = share.header, DATA_AT + 1000 + 4

    def kept(*writes: tuple[int, int]) -> list[tuple[int, int]]:
        found = kept_ranges(header, size, [(offset, bytes(length)) for offset, length in writes])
        return [(start - DATA_AT, end - DATA_AT) for start, end in found]

    beginning, end = (-DATA_AT, 0), (1000, 1004)
    assert kept() == [beginning, (0, 1000), end]
    assert kept((0, 1000)) == [beginning, end]
    assert kept((0, 2000)) == [beginning, end]
    assert kept((500, 10), (100, 50)) == [beginning, (0, 100), (150, 500), (510, 1000), end]
    assert kept((100, 500), (200, 50)) == [beginning, (0, 100), (600, 1000), end]
    assert kept((1500, 10)) == [beginning, (0, 1000), end]
    assert kept((900, 10), (2000, 5)) == [beginning, (0, 900), (910, 1000), end]


def test_a_large_share_that_another_node_changed_meanwhile_is_not_lost(grid: SlotGrid) -> None:
    one, other = grid.node(), grid.node()
    one.write(DATA)
    assert other.write(b"theirs", tests=[(0, 4, b"eq", DATA[:4])])
    assert not one.write(b"mine", tests=[(0, 4, b"eq", DATA[:4])])
    assert one.write(b"mine", 10)
    assert other.read(0, 14) == b"theirs" + DATA[6:10] + b"mine"


def test_a_spool_without_room_refuses_and_leaves_nothing(grid: SlotGrid) -> None:
    node = grid.node(caps=Caps(spool_bytes=6 * MIB))
    with pytest.raises(NoSpace):
        node.write(DATA)
    assert node.visible() == []
    assert (node.spool.reserved, [*node.spool.folder.iterdir()]) == (0, [])
    assert node.write(DATA[: 5 * MIB])


def test_a_store_that_takes_no_part_leaves_the_old_version_and_no_upload(grid: SlotGrid, s3_control: S3Control) -> None:
    node = grid.node()
    node.write(DATA)
    s3_control.fail("slow_down", "UploadPart", times=None)
    with pytest.raises(S3Error):
        node.write(b"new")
    s3_control.clear_faults()
    assert node.read(0, 10) == DATA[:10]
    assert [*node.bucket.uploads("")] == []
    assert node.spool.reserved == 0
    assert node.write(b"new")
    assert node.read(0, 5) == b"new" + DATA[3:5]


def test_memory_is_bounded_while_many_write_and_read(grid: SlotGrid) -> None:
    node = grid.node(caps=Caps(mutable_bytes=8 * MIB))
    content = DATA[: 3 * MIB]
    least = [node.slots._memory.free]

    def watch(answer: object) -> object:
        least.append(node.slots._memory.free)
        return answer

    indexes = [bytes([number]) * 16 for number in range(6)]
    vectors: Vectors = {0: ([], [(0, content)], None)}
    spin(
        gatherResults(
            [
                Deferred.fromCoroutine(node.slots.testv_and_readv_and_writev(index, SECRETS, vectors, [])).addBoth(
                    watch
                )
                for index in indexes
            ]
        )
    )
    reads = [Deferred.fromCoroutine(node.slots.readv(index, [], [(0, 10**9)])).addBoth(watch) for index in indexes]
    assert [answer[0] for answer in spin(gatherResults(reads))] == [[content]] * 6
    assert min(least) >= 0
    assert node.slots._memory.free == node.slots._memory.total == 6 * MIB
    assert node.slots._shares._kept_bytes <= 2 * MIB
