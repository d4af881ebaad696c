"""What clients say about shares is kept as the disk backend keeps it, and no client can fill the bucket with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from s4_node.s3.values import Store
from s4_node.storage import layout
from s4_node.storage.advisories import REASON_BYTES, Advisories
from support.s3_control import S3Control
from support.slot_grid import INDEX, Node, SlotGrid, a_slot_grid, disk_server
from support.spinning import spin


@pytest.fixture
def grid(store: Store, tmp_path: Path) -> Iterator[SlotGrid]:
    with a_slot_grid(store, tmp_path) as grid:
        yield grid


@pytest.fixture
def node(grid: SlotGrid) -> Node:
    node = grid.node()
    node.write(b"content")
    return node


def advisories(node: Node, *, most: int = 1000, hourly: int = 60) -> Advisories:
    return Advisories(node.objects, node.listings, node.usage, node.clock, most=most, hourly=hourly)


def say(to: Advisories, reason: bytes, number: int = 0, kind: bytes = b"mutable") -> None:
    spin(to.put(kind, INDEX, number, reason))


def kept(node: Node) -> list[str]:
    return [stat.key for stat in node.bucket.list(layout.ADVISORIES)]


def test_an_advisory_is_the_disk_backends(node: Node, tmp_path: Path) -> None:
    disk = disk_server(tmp_path / "disk", node.clock)
    share = Path(disk.sharedir, *layout.share(INDEX, 0).split("/")[1:])
    share.parent.mkdir(parents=True)
    share.write_bytes(node.stored())
    disk.advise_corrupt_share(b"mutable", INDEX, 0, b"This share tastes like dust.")
    (on_disk,) = Path(disk.corruption_advisory_dir).iterdir()
    say(advisories(node), b"This share tastes like dust.")
    (key,) = kept(node)
    assert node.bucket.get(key).body == on_disk.read_bytes()
    assert key.partition("--")[2] == on_disk.name.partition("--")[2]
    assert len(key.rpartition("/")[2].partition("--")[0]) in {len("2026-01-01T000000"), len("2026-01-01T000000.000000")}


def test_nothing_is_kept_about_a_share_that_does_not_exist(node: Node) -> None:
    told = advisories(node)
    say(told, b"dust", number=7)
    assert kept(node) == []
    assert told.discarded == 1


def test_the_same_word_is_kept_once_and_another_as_well(node: Node) -> None:
    told = advisories(node)
    for reason in (b"dust", b"dust", b"rust", b"dust"):
        node.clock.advance(1)
        say(told, reason)
    assert len(kept(node)) == 2


def test_a_long_reason_is_cut_and_a_strange_one_is_readable(node: Node) -> None:
    told = advisories(node)
    say(told, b"\xff\x00" + b"x" * 10**6)
    (key,) = kept(node)
    body = node.bucket.get(key).body
    assert len(body) < REASON_BYTES + 200
    assert "x" * (REASON_BYTES - 2) + "\n" in body.decode()


def test_a_kind_is_one_of_two_whatever_a_client_says(node: Node) -> None:
    say(advisories(node), b"dust", kind=b"mutable\nstorage_index: forged")
    (key,) = kept(node)
    assert b"forged" not in node.bucket.get(key).body
    assert b"type: unknown" in node.bucket.get(key).body


def test_so_many_are_kept_in_an_hour_and_more_in_the_next(node: Node) -> None:
    told = advisories(node, hourly=3)
    for number in range(6):
        node.clock.advance(1)
        say(told, b"%d" % number)
    assert len(kept(node)) == 3
    assert told.discarded == 3
    node.clock.advance(3600)
    say(told, b"later")
    assert len(kept(node)) == 4


def test_so_many_are_kept_in_all_also_over_restarts(node: Node, s3_control: S3Control) -> None:
    told = advisories(node, most=4)
    for restart in range(3):
        told = advisories(node, most=4)
        for number in range(3):
            node.clock.advance(1)
            say(told, b"%d of %d" % (number, restart))
    assert len(kept(node)) == 4
    s3_control.clear_counts()
    say(told, b"more")
    assert s3_control.counts() == {}


def test_a_store_that_is_away_is_no_error_to_the_client(node: Node, s3_control: S3Control) -> None:
    s3_control.fail("access_denied", "PutObject", times=None)
    say(advisories(node), b"dust")
    s3_control.clear_faults()
    assert kept(node) == []


def test_advisories_are_counted_exactly(node: Node) -> None:
    spin(node.usage.count())
    say(advisories(node), b"dust")
    own = node.usage.kinds
    spin(node.usage.count())
    assert own == node.usage.kinds
    assert own["advisories"].objects == 1
