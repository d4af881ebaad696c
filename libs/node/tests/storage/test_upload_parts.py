"""Shares larger than one part: sent while they arrive, held back, published at once."""

import itertools
import random
import tracemalloc
from pathlib import Path

import pytest
from allmydata.interfaces import ConflictingWriteError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s4_node.s3.values import Store
from s4_node.settings import MIB
from s4_node.storage import container, layout
from s4_node.storage.parts import MOST_PARTS, part_size
from s4_node.storage.upload import Upload
from support.s3_control import S3Control
from support.spinning import spin, turns, until
from support.uploading import INDEX, PART, Dock, a_dock, written_by_the_disk_backend

KEY = layout.share(INDEX, 0)
DATA = random.Random(3).randbytes(12 * MIB)


def write_all(upload: Upload, data: bytes, piece: int = MIB) -> bool:
    """As a client does: one piece after the other, each when the one before was answered."""
    finished = False
    for offset in range(0, len(data), piece):
        finished = spin(upload.write(offset, data[offset : offset + piece]))
    return finished


def test_a_large_share_is_byte_for_byte_as_the_disk_backend_has_it(dock: Dock) -> None:
    upload = dock.upload(len(DATA))
    assert write_all(upload, DATA) is True
    assert upload.required_ranges().start is None
    stat = spin(upload.close())
    assert dock.stored() == written_by_the_disk_backend(dock.folder, DATA)
    assert stat.etag == dock.bucket.head(KEY).etag
    assert dock.ended == [(upload, len(DATA) + 84)]
    assert dock.pending() == []
    assert dock.is_empty()


def test_parts_leave_while_later_ones_arrive_and_nothing_is_visible_yet(dock: Dock, s3_control: S3Control) -> None:
    upload = dock.upload(len(DATA))
    assert upload.multipart is None
    spin(upload.write(0, DATA[:PART]))  # 12 bytes more than the rest of the first part
    until(lambda: s3_control.counts()["UploadPart"] == 1)
    until(lambda: upload.multipart is not None)
    assert dock.visible() == []
    assert dock.pending() == [KEY]
    spin(upload.write(2 * PART, DATA[2 * PART :]))
    turns()
    assert s3_control.counts()["UploadPart"] == 1  # the second part has a hole, and so has the third: 12 bytes
    spin(upload.write(PART, DATA[PART : 2 * PART]))
    spin(upload.close())
    assert dock.stored()[12:-72] == DATA


@pytest.mark.parametrize("parts", [1, 2])
def test_a_client_waits_while_as_many_parts_are_on_their_way_as_may_be(
    store: Store, tmp_path: Path, s3_control: S3Control, parts: int
) -> None:
    with a_dock(store, tmp_path, parts=parts) as dock:
        s3_control.fail("hold", "UploadPart", times=parts)
        upload = dock.upload(4 * PART)
        until_busy = [upload.write(number * PART, bytes([number]) * PART) for number in range(parts)]
        until(lambda: s3_control.counts()["UploadPart"] == parts)
        turns()
        assert not until_busy[-1].called
        s3_control.release()
        assert [spin(answer) for answer in until_busy] == [False] * parts
        for number in range(parts, 4):
            spin(upload.write(number * PART, bytes([number]) * PART))
        spin(upload.close())
        assert s3_control.sums()["UploadPart"].most_at_once == parts
        assert dock.stored()[12:-72] == b"".join(bytes([number]) * PART for number in range(4))


def test_a_client_that_waited_no_longer_disturbs_no_other_write(dock: Dock, s3_control: S3Control) -> None:
    s3_control.fail("hold", "UploadPart", times=None)
    upload = dock.upload(len(DATA))
    gone, stays = upload.write(0, DATA[: 2 * PART + MIB]), upload.write(2 * PART + MIB, DATA[2 * PART + MIB :])
    assert not gone.called
    gone.addErrback(lambda _: None)
    gone.cancel()
    s3_control.clear_faults()
    assert spin(stays) is True
    spin(upload.close())
    assert dock.stored()[12:-72] == DATA


def test_holes_of_a_large_share_are_zeros(dock: Dock) -> None:
    upload = dock.upload(len(DATA))
    spin(upload.write(PART + 5, b"island"))
    spin(upload.close())
    assert dock.stored() == written_by_the_disk_backend(
        dock.folder, bytes(PART + 5) + b"island" + bytes(len(DATA) - PART - 11)
    )


def test_what_was_sent_already_is_still_compared_with(dock: Dock) -> None:
    upload = dock.upload(len(DATA))
    spin(upload.write(0, DATA[: 2 * PART]))
    with pytest.raises(ConflictingWriteError):
        spin(upload.write(100, b"not what is there"))
    assert spin(upload.write(0, DATA)) is True
    spin(upload.close())
    assert dock.stored()[12:-72] == DATA


@pytest.mark.parametrize("size", [2 * PART - 84, 2 * PART - 83, 2 * PART - 12, 2 * PART - 11, PART - 84, PART - 83])
def test_a_header_and_a_lease_may_fall_on_any_edge_of_a_part(dock: Dock, s3_control: S3Control, size: int) -> None:
    upload = dock.upload(size)
    assert write_all(upload, DATA[:size], PART) is True
    spin(upload.close())
    assert dock.stored() == written_by_the_disk_backend(dock.folder, DATA[:size])
    assert s3_control.counts()["UploadPart"] == (-(-(size + 84) // PART) if size + 84 > PART else 0)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.sets(st.integers(1, len(DATA) - 1), max_size=12), order=st.randoms(use_true_random=False))
def test_pieces_of_any_size_in_any_order_and_twice_come_to_the_same_share(
    dock: Dock, cuts: set[int], order: random.Random
) -> None:
    number = len(dock.ended)
    edges = [0, *sorted(cuts), len(DATA)]
    pieces = [*itertools.pairwise(edges)]
    twice = pieces + [(max(0, start - 1000), end) for start, end in pieces if order.random() < 0.5]
    order.shuffle(twice)
    upload = dock.upload(len(DATA), number)
    answers = [upload.write(start, DATA[start:end]) for start, end in twice]
    for answer in answers:
        spin(answer)
    assert spin(upload.write(0, b"")) is True
    spin(upload.close())
    assert dock.stored(number)[12:-72] == DATA
    dock.bucket.delete(layout.share(INDEX, number))


@given(total=st.integers(1, 2**50), least=st.integers(PART, 2**32))
def test_there_are_never_too_many_parts_nor_too_small_ones(total: int, least: int) -> None:
    size = part_size(total, least)
    assert size >= least
    assert -(-total // size) <= MOST_PARTS
    assert size == least or -(-total // (size - 1)) > MOST_PARTS


def test_parts_are_not_read_into_memory(dock: Dock, s3_control: S3Control) -> None:
    upload = dock.upload(3 * PART)
    piece = bytes(MIB)
    tracemalloc.start()
    try:
        for offset in range(0, 3 * PART, MIB):
            spin(upload.write(offset, piece))
        spin(upload.close())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert s3_control.sums()["UploadPart"].received == container.size(3 * PART)
    assert peak < PART


def test_two_uploads_of_one_large_share_end_well_and_leave_no_parts(dock: Dock) -> None:
    first, second = dock.upload(len(DATA)), dock.upload(len(DATA))
    write_all(first, DATA, 4 * MIB)
    write_all(second, DATA[::-1], 4 * MIB)
    assert len(dock.pending()) == 2
    there = spin(first.close())
    assert spin(second.close()).etag == there.etag
    spin(second.abort())
    assert dock.stored()[12:-72] == DATA
    assert [added for _, added in dock.ended] == [there.size, 0]
    assert dock.pending() == []
    assert dock.is_empty()
