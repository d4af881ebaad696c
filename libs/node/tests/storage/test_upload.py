"""Uploading a share: what a client sees, and what is in the bucket."""

from collections.abc import Callable
from functools import partial

import pytest
from allmydata.interfaces import ConflictingWriteError, DataTooLargeError
from allmydata.storage.immutable import BucketWriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock

from s4_node.s3.errors import Forbidden, Unavailable
from s4_node.s3.values import Absent
from s4_node.storage import layout
from s4_node.storage.spool import SpoolBroken, SpoolFull
from s4_node.storage.upload import IDLE_SECONDS, Upload, UploadEnded
from support.s3_control import S3Control
from support.spinning import spin, until
from support.uploading import INDEX, LEASE, Dock, fill_the_disk, written_by_the_disk_backend

KEY = layout.share(INDEX, 0)


def ranges(upload: Upload) -> list[tuple[int, int]]:
    return [(part.start, part.stop) for part in upload.required_ranges().ranges()]


@pytest.mark.parametrize("data", [b"", b"x", b"some bytes" * 5000])
def test_a_share_is_in_the_bucket_byte_for_byte_as_the_disk_backend_has_it(dock: Dock, data: bytes) -> None:
    upload = dock.upload(len(data))
    assert spin(upload.write(0, data)) is True
    stat = spin(upload.close())
    assert dock.stored() == written_by_the_disk_backend(dock.folder, data)
    assert (stat.key, stat.size, stat.etag) == (KEY, len(data) + 84, dock.bucket.head(KEY).etag)
    assert dock.ended == [(upload, stat.size)]
    assert upload.is_closed
    assert dock.is_empty()


def test_a_share_is_invisible_until_it_is_closed(dock: Dock) -> None:
    upload = dock.upload(10)
    assert spin(upload.write(0, b"0123456789")) is True
    assert dock.visible() == []
    spin(upload.close())
    assert dock.visible() == [KEY]


def test_a_process_that_dies_before_the_close_leaves_nothing_in_the_bucket(dock: Dock) -> None:
    upload = dock.upload(10)
    spin(upload.write(0, b"0123456789"))
    del upload
    assert dock.visible() == dock.pending() == []


def test_what_was_never_written_is_zeros(dock: Dock) -> None:
    upload = dock.upload(100)
    assert spin(upload.write(90, b"end")) is False
    assert spin(upload.write(10, b"middle")) is False
    assert ranges(upload) == [(0, 10), (16, 90), (93, 100)]
    spin(upload.close())
    assert dock.stored()[12:112] == bytes(10) + b"middle" + bytes(74) + b"end" + bytes(7)


def test_a_share_nobody_wrote_to_is_zeros(dock: Dock) -> None:
    upload = dock.upload(50)
    assert ranges(upload) == [(0, 50)]
    spin(upload.close())
    assert dock.stored() == written_by_the_disk_backend(dock.folder, bytes(50))


def test_a_conflicting_write_is_refused_and_the_upload_goes_on(dock: Dock) -> None:
    upload = dock.upload(10)
    spin(upload.write(2, b"2345"))
    with pytest.raises(ConflictingWriteError):
        spin(upload.write(0, b"01xx"))
    assert ranges(upload) == [(0, 2), (6, 10)]
    assert spin(upload.write(0, b"0123456789")) is True
    spin(upload.close())
    assert dock.stored()[12:22] == b"0123456789"


def test_more_than_was_announced_is_refused_and_the_upload_goes_on(dock: Dock) -> None:
    upload = dock.upload(10)
    for offset, data in ((0, b"12345678901"), (10, b"x"), (11, b"")):
        with pytest.raises(DataTooLargeError):
            spin(upload.write(offset, data))
    with pytest.raises(ValueError, match="offset"):
        spin(upload.write(-1, b"x"))
    assert ranges(upload) == [(0, 10)]
    assert spin(upload.write(10, b"")) is False
    assert upload.allocated_size() == 10


def outcome(write: Callable[[], object]) -> object:
    """What a write comes to: an answer, or the kind of its error."""
    try:
        return write()
    except (ConflictingWriteError, DataTooLargeError) as error:
        return type(error)


class StockServer:
    """As much of the stock storage server as its writer needs."""

    def add_latency(self, category: str, seconds: float) -> None: ...

    def count(self, name: str) -> None: ...

    def bucket_writer_closed(self, writer: BucketWriter, size: int) -> None: ...


DATA = bytes(range(1, 200))
WRITES = st.lists(
    st.tuples(st.integers(0, len(DATA) - 1), st.integers(1, 90), st.sampled_from([False] * 9 + [True])), max_size=25
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writes=WRITES)
def test_any_writes_in_any_order_come_to_what_the_disk_backend_makes_of_them(
    dock: Dock, writes: list[tuple[int, int, bool]]
) -> None:
    number = len(dock.ended)
    home, final = dock.folder / "incoming" / str(number), dock.folder / "final" / str(number)
    stock = BucketWriter(StockServer(), str(home), str(final), len(DATA), LEASE, Clock())
    upload = dock.upload(len(DATA), number)
    for offset, length, is_spoiled in writes:
        piece = (DATA + b"too much" * 20)[offset : offset + length]
        if is_spoiled:
            piece = piece[:-1] + b"\xff"
        expected = outcome(partial(stock.write, offset, piece))
        assert outcome(partial(spin, upload.write(offset, piece))) == expected
        assert upload.required_ranges() == stock.required_ranges()
    stock.close()
    spin(upload.close())
    assert dock.stored(number) == final.read_bytes()


def test_closing_again_answers_the_same(dock: Dock) -> None:
    upload = dock.upload(3)
    spin(upload.write(0, b"abc"))
    first, second = upload.close(), upload.close()
    assert spin(first) == spin(second) == spin(upload.close())
    assert len(dock.ended) == 1


def test_a_repeated_last_write_while_it_is_being_closed_is_as_good_as_the_first(
    dock: Dock, s3_control: S3Control
) -> None:
    s3_control.fail("hold", "PutObject")
    upload = dock.upload(3)
    spin(upload.write(0, b"abc"))
    closing = upload.close()
    assert spin(upload.write(1, b"bc")) is True
    with pytest.raises(ConflictingWriteError):
        spin(upload.write(1, b"xx"))
    s3_control.clear_faults()
    assert spin(closing) == spin(upload.close())


def test_a_client_that_goes_away_while_it_waits_for_the_close_disturbs_nobody(
    dock: Dock, s3_control: S3Control
) -> None:
    s3_control.fail("hold", "PutObject")
    upload = dock.upload(3)
    spin(upload.write(0, b"abc"))
    gone, stays = upload.close(), upload.close()
    gone.addErrback(lambda _: None)
    gone.cancel()
    s3_control.clear_faults()
    assert spin(stays).key == KEY
    assert dock.visible() == [KEY]


@pytest.mark.parametrize("ending", ["close", "abort"])
def test_an_ended_upload_takes_nothing_more(dock: Dock, ending: str) -> None:
    upload = dock.upload(3)
    spin(upload.write(0, b"abc"))
    spin(getattr(upload, ending)())
    with pytest.raises(UploadEnded):
        spin(upload.write(0, b"abc"))


def test_the_first_of_two_uploads_of_a_share_wins_and_both_are_told_that_it_is_there(dock: Dock) -> None:
    first, second = dock.upload(5), dock.upload(5)
    spin(first.write(0, b"first"))
    spin(second.write(0, b"other"))
    there = spin(first.close())
    assert spin(second.close()).etag == there.etag
    assert dock.stored()[12:17] == b"first"
    assert [added for _, added in dock.ended] == [there.size, 0]
    assert dock.is_empty()


def test_somebody_who_writes_the_share_at_this_moment_is_waited_for(dock: Dock, s3_control: S3Control) -> None:
    s3_control.fail("conflict", "PutObject", times=2)  # as often as the bucket itself tries
    upload = dock.upload(5)
    spin(upload.write(0, b"first"))
    closing = upload.close()
    until(lambda: s3_control.counts()["HeadObject"] == 1)
    assert not closing.called
    dock.pass_time_until_ended(upload)
    assert spin(closing).size == dock.ended[0][1]


def test_an_aborted_upload_leaves_nothing(dock: Dock) -> None:
    upload = dock.upload(3)
    spin(upload.write(0, b"abc"))
    upload.abort()
    assert dock.ended == [(upload, 0)]
    assert dock.is_empty()
    spin(upload.disconnected())
    assert len(dock.ended) == 1
    with pytest.raises(UploadEnded):
        spin(upload.close())
    assert dock.visible() == []


def test_an_abort_that_comes_while_the_share_is_appearing_comes_too_late(dock: Dock, s3_control: S3Control) -> None:
    s3_control.fail("hold", "PutObject")
    upload = dock.upload(3)
    spin(upload.write(0, b"abc"))
    closing = upload.close()
    until(lambda: s3_control.counts()["PutObject"] == 1)
    aborting = upload.abort()
    assert not aborting.called
    assert not upload.is_closed
    s3_control.clear_faults()
    spin(aborting)
    assert spin(closing).key == KEY
    assert dock.visible() == [KEY]
    assert dock.is_empty()


def test_half_an_hour_without_a_write_ends_an_upload(dock: Dock) -> None:
    upload = dock.upload(3)
    dock.clock.advance(IDLE_SECONDS - 1)
    spin(upload.write(0, b"a"))
    dock.clock.advance(IDLE_SECONDS - 1)
    assert not upload.is_closed
    dock.clock.advance(1)
    assert dock.ended == [(upload, 0)]
    assert dock.is_empty()


def test_an_ended_upload_waits_for_no_clock(dock: Dock) -> None:
    closed, aborted = dock.upload(0, 0), dock.upload(0, 1)
    spin(closed.close())
    spin(aborted.abort())
    assert dock.clock.getDelayedCalls() == []


def test_a_disk_that_fills_up_ends_the_upload_with_a_clear_error(dock: Dock) -> None:
    upload = dock.upload(100)
    fill_the_disk(upload._draft.file)
    with pytest.raises(SpoolFull, match="ENOSPC"):
        spin(upload.write(0, b"abc"))
    assert dock.ended == [(upload, 0)]
    assert dock.is_empty()
    for late in (upload.write(3, b"def"), upload.close()):
        with pytest.raises(SpoolFull):
            spin(late)


def test_an_upload_that_cannot_even_begin_gives_its_room_back(dock: Dock) -> None:
    file = dock.spool.reserve(100)
    fill_the_disk(file)
    with pytest.raises(SpoolFull):
        dock.upload(16, file=file)
    assert dock.is_empty()
    assert dock.ended == []


def test_a_spool_that_was_deleted_is_an_error_and_no_share(dock: Dock) -> None:
    upload = dock.upload(3)
    spin(upload.write(0, b"abc"))
    upload._draft.file.path.unlink()
    with pytest.raises(SpoolBroken):
        spin(upload.close())
    assert dock.visible() == []
    assert dock.is_empty()


@pytest.mark.parametrize(("fault", "error"), [("unavailable", Unavailable), ("access_denied", Forbidden)])
def test_a_bucket_that_refuses_fails_the_close_and_frees_the_spool(
    hasty: Dock, s3_control: S3Control, fault: str, error: type[Exception]
) -> None:
    s3_control.fail(fault, "PutObject", times=None)
    upload = hasty.upload(3)
    spin(upload.write(0, b"abc"))
    with pytest.raises(error):
        spin(upload.close())
    assert hasty.ended == [(upload, 0)]
    assert hasty.is_empty()
    assert hasty.visible() == []


def test_an_answer_that_was_lost_after_the_share_appeared_is_still_success(dock: Dock, s3_control: S3Control) -> None:
    s3_control.fail("commit_then_cut", "PutObject")
    upload = dock.upload(3)
    spin(upload.write(0, b"abc"))
    assert spin(upload.close()).etag == dock.bucket.head(KEY).etag
    assert dock.ended == [(upload, 87)]


def test_a_share_that_somebody_else_stored_is_not_touched(dock: Dock) -> None:
    dock.bucket.put(KEY, b"theirs", only_if=Absent())
    upload = dock.upload(3)
    assert spin(upload.close()).size == 6
    assert dock.bucket.get(KEY).body == b"theirs"
