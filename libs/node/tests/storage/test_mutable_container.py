"""The disk backend's own class is the judge: the same calls must leave the same bytes, in memory and in a file."""

import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from allmydata.interfaces import BadWriteEnablerError, DataTooLargeError, NoSpace
from allmydata.storage.common import UnknownMutableContainerVersionError
from allmydata.storage.lease import LeaseInfo
from allmydata.storage.mutable import MutableShareFile
from allmydata.storage.mutable_schema import ALL_SCHEMAS
from hypothesis import given, settings
from hypothesis import strategies as st

from s4_node.storage.images import Image, MemoryImage, SpoolImage
from s4_node.storage.mutable_container import (
    DATA_AT,
    LEASE_BYTES,
    DamagedContainer,
    MutableContainer,
    are_true,
    parse_header,
)
from s4_node.storage.spool import Spool

NODEID, ENABLER = b"n" * 20, b"w" * 32
Writes = list[tuple[int, bytes]]
NewImage = Callable[[bytes], AbstractContextManager[Image]]


class Log:
    """What MutableShareFile tells of as its parent."""

    def log(self, *args: object, **kwargs: object) -> None:
        pass


def lease(secret: int, expires: int) -> LeaseInfo:
    return LeaseInfo(1, bytes([secret]) * 32, bytes([secret + 100]) * 32, expires, NODEID)


def disk_share(folder: Path, version: int = 2) -> MutableShareFile:
    schema = next(schema for schema in ALL_SCHEMAS if schema.version == version)
    share = MutableShareFile(str(folder / "0"), Log(), schema)
    share.create(NODEID, ENABLER)
    return share


def content(share: MutableShareFile) -> bytes:
    return Path(share.home).read_bytes()


@contextmanager
def in_memory(start: bytes) -> Iterator[Image]:
    yield MemoryImage(start)


@contextmanager
def in_a_file(start: bytes) -> Iterator[Image]:
    with TemporaryDirectory() as folder:
        file = Spool(Path(folder), 10**6).reserve(20_000)
        image = SpoolImage(file)
        image.write(0, start)
        yield image
        file.release()


def whole(image: Image) -> bytes:
    """All bytes but the zeros at the end: a file of the spool has its last size from the beginning."""
    return image.read(0, image.size).rstrip(b"\0")


IMAGES = pytest.mark.parametrize("new_image", [in_memory, in_a_file])
write = st.tuples(st.integers(0, 700), st.binary(max_size=300))
change = st.tuples(st.just("write"), st.lists(write, max_size=3), st.none() | st.integers(1, 900))
renewal = st.tuples(st.just("lease"), st.integers(0, 8), st.integers(1, 2**32 - 1))


@IMAGES
@pytest.mark.parametrize("version", [1, 2])
@settings(max_examples=40, deadline=None)
@given(st.lists(change | renewal, max_size=12))
def test_the_same_changes_leave_the_same_bytes_as_on_disk(
    new_image: NewImage,
    version: int,
    changes: list[tuple[str, Writes, int | None] | tuple[str, int, int]],
) -> None:
    with TemporaryDirectory() as folder, new_image(content(disk := disk_share(Path(folder), version))) as image:
        ours = MutableContainer(image, "ours")
        for kind, one, other in changes:
            if kind == "write":
                assert isinstance(one, list)
                disk.writev(one, other)
                ours.writev(one, other)
            else:
                assert isinstance(one, int)
                assert isinstance(other, int)
                disk.add_or_renew_lease(10**6, lease(one, other))
                ours.add_or_renew(lease(one, other))
            assert whole(image) == content(disk).rstrip(b"\0")
            assert MutableContainer(image, "again").readv([(0, 2000), (10, 5), (5000, 1)]) == disk.readv(
                [(0, 2000), (10, 5), (5000, 1)]
            )
            assert [one.get_expiration_time() for one in ours.leases()] == [
                one.get_expiration_time() for one in disk.get_leases()
            ]


@given(st.lists(write, max_size=4), st.integers(0, 8))
@settings(max_examples=40, deadline=None)
def test_the_size_after_a_change_is_known_before_it(writes: Writes, leases: int) -> None:
    image = MemoryImage()
    share = MutableContainer.create(image, "x", NODEID, ENABLER)
    for number in range(leases):
        share.add_or_renew(lease(number, 5))
    expected = share.size_after(writes, lease(50, 5))
    share.writev(writes, None)
    share.add_or_renew(lease(50, 5))
    assert image.size == expected


@IMAGES
def test_the_disk_backend_opens_and_changes_what_we_create(new_image: NewImage, tmp_path: Path) -> None:
    with new_image(b"") as image:
        ours = MutableContainer.create(image, "ours", NODEID, ENABLER)
        ours.writev([(0, b"written by us")], None)
        for number in range(6):
            ours.add_or_renew(lease(number, 1000 + number))
        (tmp_path / "0").write_bytes(image.read(0, ours.size_after([], None)))
    disk = MutableShareFile(str(tmp_path / "0"), Log())
    disk.check_write_enabler(ENABLER, b"si")
    assert disk.readv([(0, 100)]) == [b"written by us"]
    disk.renew_lease(bytes([5]) * 32, 2000)
    assert [one.get_expiration_time() for one in disk.get_leases()] == [1000, 1001, 1002, 1003, 1004, 2000]


def test_a_new_container_is_the_disk_backends_new_container(tmp_path: Path) -> None:
    image = MemoryImage()
    MutableContainer.create(image, "ours", NODEID, ENABLER)
    assert image.content == content(disk_share(tmp_path))


def test_a_write_behind_the_end_leaves_zeros_even_where_there_was_data_once(tmp_path: Path) -> None:
    share = MutableContainer.create(MemoryImage(), "x", NODEID, ENABLER)
    share.writev([(0, b"secret" * 10)], 4)
    share.writev([(20, b"!")], None)
    assert share.read(0, 100) == b"secr" + bytes(16) + b"!"


def test_a_wrong_write_enabler_is_refused_in_the_disk_backends_words(tmp_path: Path) -> None:
    ours = MutableContainer(MemoryImage(content(disk := disk_share(tmp_path))), "ours")
    with pytest.raises(BadWriteEnablerError) as expected:
        disk.check_write_enabler(b"x" * 32, b"si")
    with pytest.raises(BadWriteEnablerError) as refused:
        ours.header.check_write_enabler(b"x" * 32)
    assert str(refused.value) == str(expected.value)
    ours.header.check_write_enabler(ENABLER)


def test_a_header_never_shows_its_write_enabler(tmp_path: Path) -> None:
    assert "wwww" not in repr(MutableContainer(MemoryImage(content(disk_share(tmp_path))), "ours").header)


def test_a_container_of_an_unknown_kind_is_refused_without_telling_what_is_behind_its_magic(tmp_path: Path) -> None:
    disk = bytearray(content(disk_share(tmp_path)))
    disk[:9] = b"BAD MAGIC"
    with pytest.raises(UnknownMutableContainerVersionError, match="had unexpected version") as refused:
        MutableContainer(MemoryImage(bytes(disk)), "shares/aa")
    assert "BAD MAGIC" in str(refused.value)
    assert "wwww" not in str(refused.value)


@pytest.mark.parametrize("length", [0, 40, 99, 300, DATA_AT, DATA_AT + 3, DATA_AT + 4, -1])
def test_a_container_cut_short_is_refused_and_not_read_as_if_it_were_whole(length: int) -> None:
    image = MemoryImage()
    share = MutableContainer.create(image, "x", NODEID, ENABLER)
    share.writev([(0, b"content")], None)
    for number in range(6):
        share.add_or_renew(lease(number, 5))
    with pytest.raises((DamagedContainer, UnknownMutableContainerVersionError)):
        MutableContainer(MemoryImage(bytes(image.content[:length])), "x")


def test_lengths_that_contradict_each_other_are_refused() -> None:
    image = MemoryImage()
    MutableContainer.create(image, "x", NODEID, ENABLER)
    image.write(84, struct.pack(">Q", 10**12))
    with pytest.raises(DamagedContainer):
        parse_header(bytes(image.content), image.size, "x")


def test_more_data_than_a_share_may_have_changes_nothing(tmp_path: Path) -> None:
    image = MemoryImage()
    share = MutableContainer.create(image, "x", NODEID, ENABLER)
    before = whole(image)
    with pytest.raises(DataTooLargeError):
        share.writev([(0, b"fits"), (MutableShareFile.MAX_SIZE, b"does not")], None)
    with pytest.raises(DataTooLargeError):
        share.size_after([(MutableShareFile.MAX_SIZE, b"does not")], None)
    assert whole(image) == before


def test_the_size_of_an_enormous_share_is_told_without_making_it() -> None:
    share = MutableContainer.create(MemoryImage(), "x", NODEID, ENABLER)
    assert share.size_after([(10**15, b"x")], None) > 10**15


def test_a_fifth_lease_needs_room_and_a_renewal_does_not() -> None:
    share = MutableContainer.create(MemoryImage(), "x", NODEID, ENABLER)
    for number in range(4):
        share.add_or_renew(lease(number, 5), room=0)
    with pytest.raises(NoSpace):
        share.add_or_renew(lease(4, 5), room=LEASE_BYTES - 1)
    share.add_or_renew(lease(3, 6), room=0)
    share.add_or_renew(lease(4, 5), room=LEASE_BYTES)
    assert [one.get_expiration_time() for one in share.leases()] == [5, 5, 5, 6, 5]


def test_a_lease_of_nobody_is_refused() -> None:
    share = MutableContainer.create(MemoryImage(), "x", NODEID, ENABLER)
    with pytest.raises(ValueError, match="owner 0"):
        share.add_or_renew(LeaseInfo(0, b"r" * 32, b"c" * 32, 5, NODEID))


def test_places_before_the_data_are_neither_read_nor_written() -> None:
    share = MutableContainer.create(MemoryImage(), "x", NODEID, ENABLER)
    for refused in (lambda: share.read(-1, 5), lambda: share.read(5, -1), lambda: share.writev([(-1, b"x")], None)):
        with pytest.raises(ValueError, match="begins before"):
            refused()


def test_a_test_vector_is_true_when_each_test_is() -> None:
    tests = [(0, 3, b"eq", b"abc"), (4, 100, b"eq", b"ef")]
    assert are_true(tests, [b"abc", b"ef"])
    assert not are_true(tests, [b"abc", b"e"])
    assert are_true([(0, 100, b"eq", b"")], [b""])
    assert not are_true([(0, 1, b"eq", b"a")], [b""])


def test_a_container_without_its_data_has_its_leases() -> None:
    image = MemoryImage()
    share = MutableContainer.create(image, "x", NODEID, ENABLER)
    share.writev([(0, b"data" * 100)], None)
    for number in range(6):
        share.add_or_renew(lease(number, number + 1))
    body = bytes(image.content)
    bare = MutableContainer.without_data(body[:DATA_AT], body[share.header.extra_leases_at :], "x")
    assert bare.leases() == share.leases()
    assert bare.header.data_length == 0
