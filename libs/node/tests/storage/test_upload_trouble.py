"""Large uploads when S3, the client or another process gets in the way."""

import random

import pytest

from s4_node.s3.errors import Forbidden, Missing, S3Error, Unavailable
from s4_node.s3.values import Absent
from s4_node.settings import MIB
from s4_node.storage import layout
from s4_node.storage.upload import CONFLICT_PAUSES, Upload, UploadEnded
from s4_node.workers import Stopped
from support.s3_control import S3Control
from support.spinning import spin, until
from support.uploading import INDEX, PART, Dock

KEY = layout.share(INDEX, 0)
DATA = random.Random(4).randbytes(12 * MIB)
FAULTS = [("unavailable", Unavailable), ("access_denied", Forbidden), ("revoked", Forbidden)]


def written(dock: Dock) -> Upload:
    upload = dock.upload(len(DATA))
    assert spin(upload.write(0, DATA)) is True
    return upload


async def sent_whole(upload: Upload) -> None:
    await upload.write(0, DATA)
    await upload.close()


def sent(s3_control: S3Control, parts: int) -> None:
    until(lambda: s3_control.counts()["UploadPart"] == parts)


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])
@pytest.mark.parametrize(("fault", "error"), FAULTS)
def test_a_bucket_that_refuses_ends_the_upload_with_a_clear_error(
    hasty: Dock, s3_control: S3Control, operation: str, fault: str, error: type[S3Error]
) -> None:
    s3_control.fail(fault, operation, times=None)
    upload = hasty.upload(len(DATA))
    with pytest.raises(error) as raised:
        spin(sent_whole(upload))
    assert KEY not in str(raised.value)
    spin(upload.abort())
    assert hasty.ended == [(upload, 0)]
    assert hasty.visible() == hasty.pending() == []
    assert hasty.is_empty()
    for late in (upload.write(0, b"late"), upload.close()):
        with pytest.raises(error):
            spin(late)


def test_an_upload_fails_even_when_nobody_waits_for_an_answer(dock: Dock, s3_control: S3Control) -> None:
    s3_control.fail("access_denied", "UploadPart")
    upload = dock.upload(len(DATA))
    assert spin(upload.write(0, DATA[: PART + MIB])) is False
    until(lambda: upload.is_closed)
    with pytest.raises(Forbidden):
        spin(upload.write(PART + MIB, DATA[PART + MIB :]))


def test_trouble_that_passes_is_not_noticed(dock: Dock, s3_control: S3Control) -> None:
    for kind, operation in (
        ("slow_down", "CreateMultipartUpload"),
        ("reset", "UploadPart"),
        ("internal_error", "UploadPart"),
        ("error_in_200", "CompleteMultipartUpload"),
    ):
        s3_control.fail(kind, operation)
    spin(written(dock).close())
    assert dock.stored()[12:-72] == DATA
    assert dock.pending() == []


def test_a_lost_answer_to_the_completion_is_success(dock: Dock, s3_control: S3Control) -> None:
    s3_control.fail("commit_then_cut", "CompleteMultipartUpload")
    stat = spin(written(dock).close())
    assert dock.stored()[12:-72] == DATA
    assert [added for _, added in dock.ended] == [stat.size]
    assert dock.pending() == []


def test_a_conflict_at_the_completion_sends_everything_again(dock: Dock, s3_control: S3Control) -> None:
    s3_control.fail("conflict", "CompleteMultipartUpload")
    upload = written(dock)
    closing = upload.close()
    dock.pass_time_until_ended(upload)
    assert spin(closing).etag == dock.bucket.head(KEY).etag
    assert dock.stored()[12:-72] == DATA
    assert s3_control.counts()["UploadPart"] == 6
    spin(upload.abort())
    assert dock.pending() == []
    assert dock.is_empty()


def test_a_conflict_with_somebody_who_was_quicker_sends_nothing_again(dock: Dock, s3_control: S3Control) -> None:
    s3_control.fail("conflict", "CompleteMultipartUpload")
    upload = written(dock)
    dock.bucket.put(KEY, b"theirs", only_if=Absent())
    assert spin(upload.close()).size == 6
    assert s3_control.counts()["UploadPart"] == 3
    assert dock.ended == [(upload, 0)]
    spin(upload.abort())
    assert dock.pending() == []


def test_a_conflict_without_end_is_an_error_in_the_end(dock: Dock, s3_control: S3Control) -> None:
    s3_control.fail("conflict", "CompleteMultipartUpload", times=None)
    upload = written(dock)
    closing = upload.close()
    dock.pass_time_until_ended(upload)
    with pytest.raises(S3Error, match="ConditionalRequestConflict"):
        spin(closing)
    assert s3_control.counts()["CompleteMultipartUpload"] == len(CONFLICT_PAUSES) + 1
    spin(upload.abort())
    assert dock.visible() == dock.pending() == []
    assert dock.is_empty()


def test_an_abort_while_a_conflict_is_waited_out_wins(dock: Dock, s3_control: S3Control) -> None:
    s3_control.fail("conflict", "CompleteMultipartUpload", times=None)
    upload = written(dock)
    closing = upload.close()
    until(lambda: bool(dock.clock.getDelayedCalls()))
    spin(upload.abort())
    with pytest.raises(UploadEnded):
        spin(closing)
    dock.clock.advance(60)
    assert s3_control.counts()["CompleteMultipartUpload"] == 1
    assert dock.visible() == dock.pending() == []


def test_an_upload_that_somebody_aborted_in_the_bucket_begins_again(dock: Dock) -> None:
    upload = dock.upload(len(DATA))
    spin(upload.write(0, DATA[: PART + MIB]))
    until(lambda: upload.multipart is not None and not upload._parts._flying)  # type: ignore[union-attr]  # the upload is on its way
    dock.bucket.abort_upload(KEY, str(upload.multipart))
    assert spin(upload.write(PART + MIB, DATA[PART + MIB :])) is True
    spin(upload.close())
    assert dock.stored()[12:-72] == DATA
    assert dock.pending() == []


def test_an_upload_that_was_aborted_before_its_completion_begins_again(dock: Dock) -> None:
    upload = written(dock)
    until(lambda: not upload._parts._flying)  # type: ignore[union-attr]  # the upload is on its way
    dock.bucket.abort_upload(KEY, str(upload.multipart))
    closing = upload.close()
    dock.pass_time_until_ended(upload)
    assert spin(closing).size == len(DATA) + 84
    assert dock.stored()[12:-72] == DATA
    assert dock.pending() == []


def test_an_upload_that_vanishes_again_and_again_is_an_error(dock: Dock, s3_control: S3Control) -> None:
    s3_control.fail("error", "UploadPart", times=None, code="NoSuchUpload", status=404)
    upload = dock.upload(len(DATA))
    with pytest.raises(Missing, match="NoSuchUpload"):
        spin(sent_whole(upload))
    spin(upload.abort())
    assert dock.ended == [(upload, 0)]
    assert dock.is_empty()


def test_an_abort_with_parts_on_their_way_leaves_nothing_in_the_bucket(dock: Dock, s3_control: S3Control) -> None:
    s3_control.fail("hold", "UploadPart", times=None)
    upload = dock.upload(len(DATA))
    waiting = upload.write(0, DATA)
    sent(s3_control, 3)
    aborting = upload.abort()
    assert dock.ended == [(upload, 0)]  # at once: the client may begin anew
    with pytest.raises(UploadEnded):
        spin(waiting)
    assert not aborting.called
    assert dock.spool.reserved == len(DATA) + 84  # it is still being read
    s3_control.clear_faults()
    spin(aborting)
    assert dock.visible() == dock.pending() == []
    assert dock.is_empty()


def test_an_abort_while_the_upload_is_being_begun_leaves_nothing_in_the_bucket(
    dock: Dock, s3_control: S3Control
) -> None:
    s3_control.fail("hold", "CreateMultipartUpload")
    upload = dock.upload(len(DATA))
    spin(upload.write(0, DATA[:PART]))
    until(lambda: s3_control.counts()["CreateMultipartUpload"] == 1)
    aborting = upload.abort()
    s3_control.clear_faults()
    spin(aborting)
    assert s3_control.counts()["UploadPart"] == 0
    assert dock.pending() == []
    assert dock.is_empty()


def test_an_abort_before_the_completion_is_asked_for_wins(dock: Dock, s3_control: S3Control) -> None:
    s3_control.fail("hold", "UploadPart", after=2)
    upload = dock.upload(len(DATA))
    spin(upload.write(0, DATA[: PART + MIB]))
    spin(upload.write(PART + MIB, DATA[PART + MIB :]))
    closing = upload.close()
    sent(s3_control, 3)
    aborting = upload.abort()
    with pytest.raises(UploadEnded):
        spin(closing)
    s3_control.clear_faults()
    spin(aborting)
    assert s3_control.counts()["CompleteMultipartUpload"] == 0
    assert dock.visible() == dock.pending() == []


def test_an_abort_while_the_completion_is_on_its_way_comes_too_late(dock: Dock, s3_control: S3Control) -> None:
    s3_control.fail("hold", "CompleteMultipartUpload")
    upload = written(dock)
    closing = upload.close()
    until(lambda: s3_control.counts()["CompleteMultipartUpload"] == 1)
    leaving = upload.disconnected()
    assert not upload.is_closed
    s3_control.clear_faults()
    assert spin(closing).key == KEY
    spin(leaving)
    assert dock.stored()[12:-72] == DATA
    assert [added for _, added in dock.ended] == [len(DATA) + 84]


def test_what_cannot_be_aborted_is_left_and_holds_nobody_up(dock: Dock, s3_control: S3Control) -> None:
    s3_control.fail("access_denied", "AbortMultipartUpload", times=None)
    upload = written(dock)
    spin(upload.abort())
    assert dock.is_empty()
    assert dock.pending() == [KEY]


def test_a_process_that_ends_does_not_wait_for_its_uploads(dock: Dock) -> None:
    upload = dock.upload(len(DATA))
    spin(dock.workers.stop())
    with pytest.raises(Stopped):
        spin(sent_whole(upload))
    spin(upload.abort())
    assert dock.ended == [(upload, 0)]
    assert dock.is_empty()
