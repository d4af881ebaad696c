"""Mutable shares in a bucket: what the protocols see, and the bytes that the disk backend would have written."""

from pathlib import Path

import pytest
from allmydata.interfaces import BadWriteEnablerError, DataTooLargeError, NoSpace
from allmydata.storage.common import UnknownMutableContainerVersionError
from allmydata.storage.mutable import MutableShareFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s4_node.storage import layout
from s4_node.storage.mutable_container import DATA_AT, DamagedContainer
from s4_node.storage.slot_shares import Held
from s4_node.storage.slots import Vectors
from support.slot_grid import INDEX, NODEID, SECRETS, Node, SlotGrid, disk_server
from support.spinning import spin

WRONG = (b"another".ljust(32), *SECRETS[1:])


def test_what_is_written_is_read(node: Node) -> None:
    assert node.write(b"content")
    assert node.read() == b"content"
    assert spin(node.slots.readv(INDEX, [], [(0, 3), (3, 100), (7, 1)])) == {0: [b"con", b"tent", b""]}
    assert spin(node.slots.enumerate(INDEX)) == {0}
    assert spin(node.slots.length(INDEX, 0)) == 7


def test_nothing_is_read_of_a_slot_that_does_not_exist(node: Node) -> None:
    assert node.read_all() == {}
    assert spin(node.slots.readv(INDEX, [5], [(0, 3)])) == {}
    assert spin(node.slots.enumerate(INDEX)) == set()
    assert node.expiries() == []
    with pytest.raises(KeyError):
        spin(node.slots.length(INDEX, 0))


write = st.tuples(st.integers(0, 300), st.binary(max_size=120))
test = st.tuples(st.integers(0, 5), st.integers(0, 3), st.just(b"eq"), st.binary(max_size=2))
vectors = st.dictionaries(
    st.integers(0, 2),
    st.tuples(st.lists(test, max_size=1), st.lists(write, max_size=2), st.none() | st.integers(0, 200)),
    max_size=3,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(vectors, st.booleans()), min_size=1, max_size=5), st.data())
def test_the_same_calls_answer_as_the_disk_backend_answers_and_leave_its_bytes(
    grid: SlotGrid,
    tmp_path_factory: pytest.TempPathFactory,
    calls: list[tuple[Vectors, bool]],
    data: st.DataObject,
) -> None:
    node, index = grid.node(), data.draw(st.binary(min_size=16, max_size=16))
    disk = disk_server(tmp_path_factory.mktemp("disk"), grid.clock)
    for one, renews in calls:
        grid.clock.advance(3)
        ours = node.exchange(one, [(0, 500)], renews=renews, index=index)
        assert ours == disk.slot_testv_and_readv_and_writev(index, SECRETS, one, [(0, 500)], renews)
        on_disk = {number: Path(path).read_bytes() for number, path in disk.get_shares(index)}
        in_bucket = {number: node.stored(number, index=index) for number in spin(node.listings.fresh(index, 0.0))}
        assert in_bucket == on_disk
    node.bucket.delete_many([stat.key for stat in node.bucket.list(layout.shares_of(index))])


def test_a_stock_node_goes_on_with_a_share_copied_out_of_the_bucket(node: Node, tmp_path: Path) -> None:
    node.write(b"in the bucket")
    disk = disk_server(tmp_path / "disk", node.clock)
    path = Path(disk.sharedir, *layout.share(INDEX, 0).split("/")[1:])
    path.parent.mkdir(parents=True)
    path.write_bytes(node.stored())
    vectors = {0: ([(0, 6, b"eq", b"in the")], [(0, b"on the disk now")], None)}
    assert disk.slot_testv_and_readv_and_writev(INDEX, SECRETS, vectors, [])[0]
    assert disk.slot_readv(INDEX, [], [(0, 100)]) == {0: [b"on the disk now"]}


def test_a_share_copied_into_the_bucket_is_gone_on_with(node: Node, tmp_path: Path) -> None:
    disk = disk_server(tmp_path / "disk", node.clock)
    disk.slot_testv_and_readv_and_writev(INDEX, SECRETS, {3: ([], [(0, b"on the disk")], None)}, [])
    (path,) = [path for _, path in disk.get_shares(INDEX)]
    node.bucket.put(layout.share(INDEX, 3), Path(path).read_bytes())
    assert node.read(3) == b"on the disk"
    assert node.write(b"IN", 0, 3, tests=[(0, 2, b"eq", b"on")])
    assert node.read(3) == b"IN the disk"
    with pytest.raises(BadWriteEnablerError):
        node.exchange({3: ([], [(0, b"x")], None)}, secrets=WRONG)


def test_a_failed_test_writes_nothing_and_tells_what_is_there(node: Node) -> None:
    node.write(b"first")
    answer = node.exchange({0: ([(0, 5, b"eq", b"other")], [(0, b"second")], None)}, [(0, 100)])
    assert answer == (False, {0: [b"first"]})
    assert node.read() == b"first"


def test_a_wrong_write_enabler_is_refused_for_every_share_there_is(node: Node) -> None:
    node.write(b"first")
    with pytest.raises(BadWriteEnablerError, match=r"The write enabler was recorded by nodeid '[a-z2-7]+'\."):
        node.exchange({1: ([], [(0, b"x")], None)}, secrets=WRONG)
    assert spin(node.slots.enumerate(INDEX)) == {0}


def test_several_shares_are_created_in_one_call(node: Node) -> None:
    absent = [(0, 1, b"eq", b"")]
    vectors = {number: (absent, [(0, b"share %d" % number)], None) for number in range(3)}
    assert node.exchange(vectors, [(0, 9)]) == (True, {})
    assert node.read_all() == {n: [b"share %d" % n] for n in range(3)}
    assert spin(node.slots.readv(INDEX, [0, 2, 7], [(6, 9)])) == {0: [b"0"], 2: [b"2"]}
    again = node.exchange(vectors, [(0, 5)])
    assert again == (False, {n: [b"share"] for n in range(3)})


def test_a_length_of_zero_deletes_the_share_and_in_the_end_its_leases(node: Node) -> None:
    node.exchange({0: ([], [(0, b"a")], None), 1: ([], [(0, b"b")], None)}, [])
    node.bucket.put(layout.leases(INDEX), b"l" * 72)
    assert node.exchange({0: ([], [], 0)}, [(0, 9)])[0]
    assert node.visible() == [layout.leases(INDEX), layout.share(INDEX, 1)]
    vectors: Vectors = {1: ([], [(0, b"ignored")], 0), 2: ([], [], 0)}
    assert node.exchange(vectors, [(0, 9)]) == (True, {1: [b"b"]})
    assert node.visible() == []
    assert node.read_all() == {}


def test_a_share_too_large_for_tahoe_or_for_s3_is_refused_at_once(node: Node) -> None:
    for offset in (MutableShareFile.MAX_SIZE, 6 * 2**40):
        with pytest.raises(DataTooLargeError):
            node.write(b"x", offset)
    with pytest.raises(NoSpace):  # the spool holds 4 GiB
        node.write(b"x", 2**40)
    assert node.visible() == []


def test_a_share_that_is_no_mutable_share_is_refused_and_tells_nothing(node: Node) -> None:
    node.bucket.put(layout.share(INDEX, 0), b"BAD MAGIC".ljust(32) + b"secret" * 100)
    with pytest.raises(UnknownMutableContainerVersionError, match="had unexpected version") as refused:
        spin(node.slots.readv(INDEX, [0], [(0, 10)]))
    assert "secret" not in str(refused.value)
    with pytest.raises(UnknownMutableContainerVersionError):
        node.write(b"x")


@pytest.mark.parametrize("length", [0, 50, 200, DATA_AT + 6])
def test_a_share_cut_short_in_the_bucket_is_a_clear_error(node: Node, grid: SlotGrid, length: int) -> None:
    node.write(b"content")
    node.bucket.put(layout.share(INDEX, 0), node.stored()[:length])
    for other in (node, grid.node()):
        with pytest.raises(DamagedContainer):
            other.read()


def test_a_write_renews_the_lease_inside_the_share(node: Node) -> None:
    node.write(b"a")
    (first,) = node.expiries()
    node.clock.advance(1000)
    node.write(b"b")
    (second,) = node.expiries()
    assert second == first + 1000 == int(node.clock.seconds()) + 31 * 86400
    assert node.visible() == [layout.share(INDEX, 0)]


def test_a_write_that_renews_no_lease_leaves_leases_alone(node: Node) -> None:
    node.exchange({0: ([], [(0, b"a")], None)}, renews=False)
    assert node.expiries() == []


def test_growth_needs_room_and_rewriting_does_not(grid: SlotGrid) -> None:
    node = grid.node()
    node.write(b"x" * 1000)
    node.room.left = 0
    assert node.write(b"y" * 1000)
    with pytest.raises(NoSpace):
        node.write(b"y", 1000)
    with pytest.raises(NoSpace):
        node.write(b"", number=1)
    assert node.delete(0)


def test_own_writes_are_counted_exactly(node: Node) -> None:
    node.write(b"x" * 100)
    node.write(b"x" * 50)
    node.write(b"more", 200)
    node.write(b"second", number=1)
    own = node.usage.total
    spin(node.usage.count())
    assert (own.objects, own.bytes) == (node.usage.total.objects, node.usage.total.bytes)
    node.delete(0, 1)
    assert (node.usage.total.objects, node.usage.total.bytes) == (0, 0)


def test_nothing_secret_is_in_the_objects_representation(node: Node) -> None:
    node.write(b"one")
    held: Held = spin(node.slots._shares.current(INDEX))
    assert "enabler" not in repr(held)
    assert repr(NODEID) in repr(held)
