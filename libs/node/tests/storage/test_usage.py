"""The count of a grid: exact after own writes, also while it is being counted, and believed again after a restart."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from s4_node.objects import Objects
from s4_node.s3.errors import S3Error
from s4_node.s3.values import Stat
from s4_node.storage import layout
from s4_node.storage.tally import Amount
from s4_node.storage.usage import DAY, SPREAD, Change, Usage
from support.aged_objects import AgedObjects, Page
from support.s3_control import S3Control
from support.slot_grid import INDEX, Node, SlotGrid
from support.spinning import spin, until
from support.stats import a_stat

SHARE = layout.share(INDEX, 0)


def count(node: Node) -> Amount:
    spin(node.usage.count())
    return node.usage.total


def test_everything_is_counted_by_kind(node: Node) -> None:
    for key, size in (
        (layout.share(INDEX, 0), 10),
        (layout.share(INDEX, 12), 20),
        (layout.share(b"another index 16", 0), 30),
        (layout.leases(INDEX), 72),
        (layout.advisory("2026", INDEX, 0), 5),
        ("something/else", 1),
        (layout.META + "probe", 1000),
    ):
        node.bucket.put(key, bytes(size))
    assert count(node) == Amount(6, 138)
    assert node.usage.kinds == {
        "shares": Amount(3, 60),
        "leases": Amount(1, 72),
        "advisories": Amount(1, 5),
        "other": Amount(1, 1),
    }
    assert node.usage.storage_indexes == 2
    told = json.loads(node.bucket.get(layout.USAGE).body)
    assert (told["objects"], told["bytes"], told["kinds"]["leases"]) == (6, 138, {"objects": 1, "bytes": 72})


def test_an_empty_grid_is_counted_too(node: Node) -> None:
    assert not node.usage.is_known
    assert count(node) == Amount(0, 0)
    assert node.usage.is_known


def test_the_quota_leaves_what_is_neither_stored_nor_on_its_way(node: Node) -> None:
    node.bucket.put(SHARE, bytes(100))
    count(node)
    assert node.usage.available(None) is None
    assert node.usage.available(1000) == 900
    coming = node.usage.changing(layout.share(INDEX, 1), None, 300)
    shrinking = node.usage.changing(SHARE, 100, 40)
    assert node.usage.available(1000) == 600
    shrinking.settled(40)
    assert node.usage.available(1000) == 660
    coming.dropped()
    assert node.usage.available(1000) == 960
    assert node.usage.available(30) == 0


def test_only_the_first_word_about_a_change_counts(node: Node) -> None:
    change = node.usage.changing(SHARE, None, 10)
    change.settled(10)
    change.settled(10)
    change.dropped()
    assert node.usage.total == Amount(1, 10)


def test_a_count_is_never_negative(node: Node) -> None:
    node.usage.changing(SHARE, 50, None).settled(None)
    assert node.usage.total == Amount(0, 0)


def test_a_node_that_starts_believes_the_last_count_and_then_counts(grid: SlotGrid, node: Node) -> None:
    node.write(b"content")
    known = count(node)
    later = grid.node()
    later.usage.changing(layout.share(INDEX, 5), None, 1000).settled(1000)  # before it has read anything
    spin(later.usage.load())
    assert later.usage.is_known
    assert later.usage.total == Amount(known.objects + 1, known.bytes + 1000)
    later.usage.start()
    until(lambda: len(grid.clock.getDelayedCalls()) == 2)
    grid.clock.advance(SPREAD)
    until(lambda: later.usage.succeeded_at is not None)
    assert later.usage.total == known
    spin(later.usage.stop())


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"kinds": 5, "counted": "x"}', b"\xff", b'{"kinds": {"a": {}}}'])
def test_a_count_that_cannot_be_read_is_made_again(node: Node, text: bytes) -> None:
    node.bucket.put(layout.USAGE, text)
    spin(node.usage.load())
    assert not node.usage.is_known
    assert count(node) == Amount(0, 0)


def test_without_an_older_count_a_node_counts_at_once_and_then_daily(grid: SlotGrid, node: Node) -> None:
    node.bucket.put(SHARE, bytes(100))
    node.usage.start()
    until(lambda: bool(grid.clock.getDelayedCalls()))
    grid.clock.advance(0)
    until(lambda: node.usage.succeeded_at is not None)
    assert node.usage.total == Amount(1, 100)
    node.bucket.put(layout.share(INDEX, 1), bytes(100))  # another node's
    grid.clock.advance(1.1 * DAY)
    until(lambda: node.usage.total == Amount(2, 200))
    spin(node.usage.stop())
    assert grid.clock.getDelayedCalls() == []


def test_counting_goes_on_after_s3_has_failed(grid: SlotGrid, node: Node, s3_control: S3Control) -> None:
    node.bucket.put(SHARE, bytes(100))
    s3_control.fail("slow_down", times=None)
    node.usage.start()
    until(lambda: bool(grid.clock.getDelayedCalls()))
    grid.clock.advance(0)
    until(lambda: node.usage._counting.failures == 1)
    assert node.usage.available(1000) == 1000
    s3_control.clear_faults()
    grid.clock.advance(60)
    until(lambda: node.usage.is_known)
    assert node.usage.total == Amount(1, 100)
    spin(node.usage.stop())


def test_what_was_written_since_the_count_is_saved_when_a_node_stops(grid: SlotGrid, node: Node) -> None:
    count(node)
    node.write(b"content")
    spin(node.usage.stop())
    later = grid.node()
    spin(later.usage.load())
    assert later.usage.total == node.usage.total == Amount(1, len(node.stored()))


def test_nothing_is_saved_that_is_saved_already(node: Node, s3_control: S3Control) -> None:
    count(node)
    s3_control.clear_counts()
    spin(node.usage.save())
    spin(node.usage.stop())
    assert s3_control.counts() == {}


def test_a_save_that_failed_is_done_again(node: Node, s3_control: S3Control) -> None:
    count(node)
    node.write(b"content")
    s3_control.fail("access_denied", "PutObject", times=None)
    with pytest.raises(S3Error):
        spin(node.usage.save())
    spin(node.usage.stop())
    s3_control.clear_faults()
    spin(node.usage.save())
    assert json.loads(node.bucket.get(layout.USAGE).body)["objects"] == 1


def test_the_clients_requests_go_before_the_counts(grid: SlotGrid, node: Node) -> None:
    aged = AgedObjects(node.bucket, grid.workers.lane("aged", 2))
    aged.page = 2
    for number in range(7):
        node.bucket.put(layout.share(INDEX, number), b"x")
    usage = Usage(aged, grid.clock)
    spin(usage.count())
    assert usage.total == Amount(7, 7)


@dataclass
class ListedSlowly(Objects):
    """A bucket in memory whose pages are evaluated and answered when a test says, and that is written in between."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.between: Callable[[], None] = lambda: None

    def unhurried(self) -> Objects:
        return self

    def list_page(self, prefix: str, after: str = "", limit: int = 1000) -> "Deferred[Page]":  # noqa: ARG002  as Objects has it
        self.between()
        found = sorted(key for key in self.sizes if key > after)
        page: list[Stat] = [a_stat(key, self.sizes[key]) for key in found[:2]]
        self.between()
        return succeed((page, found[1] if len(found) > 2 else None))

    def put(self, key: str, body: object, *, only_if: object = None) -> "Deferred[str]":  # noqa: ARG002  as Objects has it
        return succeed('"e"')


class Writers:
    """Who writes meanwhile: a change is begun, then done by the store, then settled when the answer has come."""

    def __init__(self, usage: Usage, sizes: dict[str, int]) -> None:
        self.usage, self.sizes = usage, sizes
        self.under_way: dict[str, tuple[Change, int | None]] = {}

    def begin(self, key: str, after: int | None) -> None:
        if key not in self.under_way:
            self.under_way[key] = self.usage.changing(key, self.sizes.get(key), after), after

    def apply(self, key: str, _: int | None = None) -> None:
        if key in self.under_way:
            after = self.under_way[key][1]
            self.sizes.pop(key, None)
            self.sizes |= {} if after is None else {key: after}

    def settle(self, key: str, _: int | None = None) -> None:
        if key in self.under_way:
            self.apply(key)
            change, after = self.under_way.pop(key)
            change.settled(after)


step = st.tuples(
    st.integers(0, 7), st.sampled_from([Writers.begin, Writers.apply, Writers.settle]), st.none() | st.integers(1, 99)
)


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 7), st.integers(1, 99)), st.lists(st.lists(step, max_size=5), max_size=12))
def test_a_count_is_exact_however_writes_and_pages_interleave(
    before: dict[int, int], turns: list[list[tuple[int, Callable[[Writers, str, int | None], None], int | None]]]
) -> None:
    objects, waiting = ListedSlowly(), [*turns]
    objects.sizes = {layout.share(INDEX, number): size for number, size in before.items()}
    usage = Usage(objects, Clock())
    usage._tally.amounts["shares"] = Amount(len(before), sum(before.values()))
    writers = Writers(usage, objects.sizes)

    def turn() -> None:
        for number, action, after in waiting.pop(0) if waiting else []:
            action(writers, layout.share(INDEX, number), after)

    turn()
    objects.between = turn
    spin(usage.count())
    for key in [*writers.under_way]:
        writers.settle(key)
    assert usage.total == Amount(len(objects.sizes), sum(objects.sizes.values()))


def test_what_is_done_inside_a_change_counts_unless_it_fails(node: Node) -> None:
    with node.usage.changing(SHARE, None, 70):
        assert node.usage.available(100) == 30
    assert node.usage.total == Amount(1, 70)
    with pytest.raises(KeyboardInterrupt), node.usage.changing(SHARE, 70, 90):
        raise KeyboardInterrupt
    assert node.usage.total == Amount(1, 70)
    assert node.usage.available(100) == 30
