"""Mutable shares that other nodes write too: what is read is true, what is written stays, and what it costs."""

import pytest
from allmydata.interfaces import BadWriteEnablerError
from twisted.internet.defer import Deferred, gatherResults

from s4_node.s3.errors import S3Error
from s4_node.storage.slots import MutableShare, Vectors
from support.s3_control import S3Control
from support.slot_grid import INDEX, SECRETS, Node, SlotGrid
from support.spinning import spin, until

WRONG = (b"another".ljust(32), *SECRETS[1:])


def test_creating_costs_a_listing_and_a_put(node: Node, s3_control: S3Control) -> None:
    s3_control.clear_counts()
    node.write(b"new", tests=[(0, 1, b"eq", b"")])
    assert s3_control.counts() == {"ListObjectsV2": 1, "PutObject": 1}


def test_reading_what_is_remembered_costs_one_head(node: Node, s3_control: S3Control) -> None:
    node.write(b"content")
    s3_control.clear_counts()
    assert node.read_all() == {0: [b"content"]}
    assert node.read() == b"content"
    assert s3_control.counts() == {"HeadObject": 2}


def test_reading_named_shares_for_the_first_time_costs_one_get(
    node: Node, grid: SlotGrid, s3_control: S3Control
) -> None:
    node.write(b"content")
    s3_control.clear_counts()
    assert grid.node().read() == b"content"
    assert s3_control.counts() == {"GetObject": 1}


def test_reading_in_pieces_costs_one_look(node: Node, grid: SlotGrid, s3_control: S3Control) -> None:
    node.write(b"content")
    s3_control.clear_counts()
    share: MutableShare = spin(grid.node().slots.open(INDEX, 0))
    assert share.length == 7
    assert [spin(share.read(0, 3)), spin(share.read(3, 100))] == [b"con", b"tent"]
    assert s3_control.counts() == {"GetObject": 1}


def test_overwriting_what_is_remembered_costs_one_put(node: Node, s3_control: S3Control) -> None:
    node.write(b"one")
    s3_control.clear_counts()
    assert node.write(b"two", tests=[(0, 3, b"eq", b"one")])
    assert s3_control.counts() == {"PutObject": 1}


def test_a_listing_made_just_now_saves_the_head(node: Node, s3_control: S3Control) -> None:
    node.write(b"content")
    node.clock.advance(60)
    s3_control.clear_counts()
    assert node.read_all() == {0: [b"content"]}
    assert s3_control.counts() == {"ListObjectsV2": 1}


def test_the_only_writer_asks_nothing_to_read_what_it_wrote(grid: SlotGrid, s3_control: S3Control) -> None:
    node = grid.node(single_writer=True)
    node.write(b"content")
    s3_control.clear_counts()
    assert node.read_all() == {0: [b"content"]}
    assert node.read() == b"content"
    assert s3_control.counts() == {}


# two nodes of one bucket


def test_a_write_of_another_node_is_read_at_once(grid: SlotGrid) -> None:
    one, other = grid.node(), grid.node()
    one.write(b"one")
    assert other.read() == b"one"
    one.write(b"two")
    assert other.read() == b"two"
    assert other.read_all() == {0: [b"two"]}
    one.delete(0)
    assert other.read_all() == {}


def test_a_stale_writer_is_refused_with_what_is_there_and_then_succeeds(grid: SlotGrid) -> None:
    one, other = grid.node(), grid.node()
    one.write(b"1")
    assert other.write(b"2", tests=[(0, 1, b"eq", b"1")])
    vectors = {0: ([(0, 1, b"eq", b"1")], [(0, b"3")], None)}
    assert one.exchange(vectors, [(0, 9)]) == (False, {0: [b"2"]})
    assert one.write(b"3", tests=[(0, 1, b"eq", b"2")])
    assert other.read() == b"3"


def test_a_stale_writer_whose_tests_hold_anyway_writes_over_the_newer_version(grid: SlotGrid) -> None:
    one, other = grid.node(), grid.node()
    one.write(b"head tail")
    other.write(b"TAIL", 5)
    assert one.write(b"HEAD", tests=[(0, 4, b"eq", b"head")])
    assert other.read() == b"HEAD TAIL"


def test_the_same_share_is_created_once(grid: SlotGrid) -> None:
    one, other = grid.node(), grid.node()
    for node in (one, other):
        assert spin(node.slots.enumerate(INDEX)) == set()
    absent = [(0, 1, b"eq", b"")]
    assert one.write(b"one", tests=absent)
    assert not other.write(b"other", tests=absent)
    assert other.read() == b"one"


def test_a_share_recreated_by_another_with_another_write_enabler_is_protected_by_it(grid: SlotGrid) -> None:
    one, other = grid.node(), grid.node()
    one.write(b"one")
    other.delete(0)
    other.exchange({0: ([], [(0, b"theirs")], None)}, secrets=WRONG)
    with pytest.raises(BadWriteEnablerError):
        one.write(b"mine")
    assert one.read() == b"theirs"


def test_one_of_two_racing_writers_wins_whoever_and_how_often(grid: SlotGrid) -> None:
    nodes = [grid.node(), grid.node()]
    nodes[0].write(b"\0")
    wins = 0
    for turn in range(8):
        before, after = bytes([turn]), bytes([turn + 1])
        vectors = {0: ([(0, 1, b"eq", before)], [(0, after)], None)}
        racing = [
            Deferred.fromCoroutine(node.slots.testv_and_readv_and_writev(INDEX, SECRETS, vectors, [(0, 1)]))
            for node in nodes
            for _ in range(2)
        ]
        answers = spin(gatherResults(racing))
        assert [good for good, _ in answers].count(True) == 1
        wins += 1
        assert nodes[1].read() == after
    assert wins == 8


def test_a_write_that_is_refused_again_and_again_ends_as_a_failed_test(grid: SlotGrid, s3_control: S3Control) -> None:
    node = grid.node()
    node.write(b"one")
    s3_control.fail("error", "PutObject", times=None, status=412, code="PreconditionFailed")
    vectors: Vectors = {0: ([], [(0, b"two")], None)}
    assert node.exchange(vectors, [(0, 9)]) == (False, {0: [b"one"]})


def test_calls_on_one_slot_do_not_interleave(node: Node) -> None:
    calls = [
        Deferred.fromCoroutine(
            node.slots.testv_and_readv_and_writev(INDEX, SECRETS, {0: ([], [(n, b"x")], None)}, [(0, 99)])
        )
        for n in range(6)
    ]
    answers = spin(gatherResults(calls))
    assert [read.get(0, [b""])[0] for _, read in answers] == [b"x" * n for n in range(6)]


def test_a_share_written_between_its_first_bytes_and_its_last_is_read_whole(
    grid: SlotGrid, s3_control: S3Control
) -> None:
    one, other = grid.node(), grid.node()
    one.write(b"1" * 2 * 2**20)
    s3_control.fail("hold", "GetObject", after=1)
    reading = Deferred.fromCoroutine(other.slots.readv(INDEX, [0], [(0, 5), (2**21 - 5, 5)]))
    until_held(s3_control)
    one.write(b"2" * 2 * 2**20)
    s3_control.clear_faults()
    assert spin(reading) == {0: [b"22222", b"22222"]}


def until_held(s3_control: S3Control) -> None:
    """Some request waits for the test."""
    until(lambda: any(fault.hits for fault in s3_control.faults()))


# trouble


def test_an_answer_that_is_lost_is_no_collision(node: Node, s3_control: S3Control) -> None:
    node.write(b"one")
    s3_control.fail("commit_then_cut", "PutObject")
    assert node.write(b"two", tests=[(0, 3, b"eq", b"one")])
    assert node.read() == b"two"


def test_a_store_that_is_away_is_an_error_and_afterwards_all_is_well(node: Node, s3_control: S3Control) -> None:
    node.write(b"one")
    s3_control.fail("slow_down", "PutObject", times=None)
    with pytest.raises(S3Error):
        node.write(b"two")
    s3_control.clear_faults()
    assert node.read() == b"one"
    assert node.write(b"two", tests=[(0, 3, b"eq", b"one")])
    assert node.read() == b"two"
