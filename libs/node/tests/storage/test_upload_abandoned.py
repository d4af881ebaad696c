"""Parts that a dead process left in the bucket."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commands import eventually
from s4_node.s3.bucket import Bucket
from s4_node.s3.errors import Forbidden
from s4_node.s3.values import Store
from s4_node.storage import layout
from s4_node.storage.abandoned import (
    ABANDONED_AFTER,
    EVERY_SECONDS,
    FIRST_AFTER_SECONDS,
    FIRST_WITHIN_SECONDS,
    Sweep,
    abandoned,
)
from s4_node.storage.spool import Spool
from support.s3_control import S3Control
from support.spinning import spin, turns, until
from support.uploading import INDEX, PART, Dock

KEY = layout.share(INDEX, 0)


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


def test_what_a_dead_process_left_is_swept(dock: Dock) -> None:
    for _ in range(3):
        dock.bucket.begin_upload(KEY)
    assert spin(abandoned(dock.objects, soon())) == 3
    assert dock.pending() == []
    assert spin(abandoned(dock.objects, soon())) == 0


def test_an_upload_younger_than_a_day_is_spared_it_may_be_another_nodes(dock: Dock) -> None:
    dock.bucket.begin_upload(KEY)
    assert spin(abandoned(dock.objects, datetime.now(UTC) - ABANDONED_AFTER)) == 0
    assert dock.pending() == [KEY]


def test_an_upload_of_this_process_is_spared_and_goes_on(dock: Dock) -> None:
    dock.bucket.begin_upload(KEY)
    upload = dock.upload(2 * PART)
    spin(upload.write(0, bytes(PART)))
    until(lambda: upload.multipart is not None)
    assert spin(abandoned(dock.objects, soon(), but=[upload.multipart, None])) == 1
    assert [pending.upload for pending in dock.bucket.uploads("")] == [upload.multipart]
    spin(upload.write(PART, bytes(PART)))
    spin(upload.close())
    assert dock.stored()[12:-72] == bytes(2 * PART)


def test_an_upload_of_a_living_node_that_was_swept_by_mistake_still_ends_well(dock: Dock) -> None:
    upload = dock.upload(2 * PART)
    spin(upload.write(0, bytes(PART)))
    until(lambda: upload.multipart is not None and not upload._parts._flying)  # type: ignore[union-attr]  # the upload is on its way
    assert spin(abandoned(dock.objects, soon())) == 1
    spin(upload.write(PART, bytes(PART)))
    closing = upload.close()
    dock.pass_time_until_ended(upload)
    assert spin(closing).size == 2 * PART + 84


def test_other_prefixes_and_other_keys_are_spared(dock: Dock, store: Store) -> None:
    Bucket(replace(store, prefix="grid-2/")).begin_upload(KEY)
    dock.bucket.begin_upload("meta/of-an-operator")
    assert spin(abandoned(dock.objects, soon())) == 0
    assert dock.pending() == ["meta/of-an-operator"]


def test_a_sweep_that_is_refused_says_so_and_may_be_repeated(dock: Dock, s3_control: S3Control) -> None:
    dock.bucket.begin_upload(KEY)
    dock.bucket.begin_upload(KEY)
    s3_control.fail("access_denied", "AbortMultipartUpload", after=1)
    with pytest.raises(Forbidden):
        spin(abandoned(dock.objects, soon()))
    assert spin(abandoned(dock.objects, soon())) == 1
    assert dock.pending() == []


def swept(dock: Dock, s3_control: S3Control, times: int) -> None:
    """So many sweeps have been made."""
    until(lambda: s3_control.counts()["ListMultipartUploads"] == times)
    spin(dock.objects.head("anything").addErrback(lambda _: None))
    turns()


def test_a_sweep_is_made_soon_after_the_start_and_every_day(dock: Dock, s3_control: S3Control) -> None:
    dock.clock.advance((datetime.now(UTC) + ABANDONED_AFTER).timestamp())
    sweep = Sweep(dock.objects, list, dock.clock)
    dock.bucket.begin_upload(KEY)
    sweep.start()
    dock.clock.advance(FIRST_WITHIN_SECONDS)
    until(lambda: s3_control.counts()["AbortMultipartUpload"] == 1)
    dock.bucket.begin_upload(KEY)
    dock.clock.advance(EVERY_SECONDS)
    until(lambda: s3_control.counts()["AbortMultipartUpload"] == 2)
    sweep.stop()
    sweep.stop()
    assert dock.clock.getDelayedCalls() == []


def test_the_first_sweep_takes_what_is_older_than_the_process_and_nothing_younger(
    dock: Dock, s3_control: S3Control
) -> None:
    left = dock.bucket.begin_upload(KEY)
    (begun,) = [each.begun for each in dock.bucket.uploads("")]
    dock.clock.advance(begun.timestamp() + 0.001)
    sweep = Sweep(dock.objects, list, dock.clock)
    sweep.start()
    eventually(lambda: datetime.now(UTC) > begun + timedelta(seconds=0.01))
    begun_since = dock.bucket.begin_upload(KEY)
    dock.clock.advance(FIRST_AFTER_SECONDS - 1)
    assert s3_control.counts()["AbortMultipartUpload"] == 0
    dock.clock.advance(FIRST_WITHIN_SECONDS - FIRST_AFTER_SECONDS + 1)
    until(lambda: s3_control.counts()["AbortMultipartUpload"] == 1)
    assert [each.upload for each in dock.bucket.uploads("")] == [begun_since] != [left]
    sweep.stop()


def test_a_sweep_that_failed_does_not_keep_the_next_from_coming(dock: Dock, s3_control: S3Control) -> None:
    dock.clock.advance((datetime.now(UTC) + ABANDONED_AFTER).timestamp())
    s3_control.fail("access_denied", "ListMultipartUploads")
    dock.bucket.begin_upload(KEY)
    Sweep(dock.objects, list, dock.clock).start()
    dock.clock.advance(FIRST_WITHIN_SECONDS)
    swept(dock, s3_control, 1)
    assert s3_control.counts()["AbortMultipartUpload"] == 0
    dock.clock.advance(EVERY_SECONDS)
    until(lambda: s3_control.counts()["AbortMultipartUpload"] == 1)


def test_the_daily_sweep_spares_what_this_process_sends(dock: Dock, s3_control: S3Control) -> None:
    dock.clock.advance((datetime.now(UTC) + ABANDONED_AFTER).timestamp())
    upload = dock.upload(2 * PART)
    spin(upload.write(0, bytes(PART)))
    until(lambda: upload.multipart is not None)
    Sweep(dock.objects, lambda: [upload.multipart], dock.clock).start()
    dock.clock.advance(FIRST_WITHIN_SECONDS)
    swept(dock, s3_control, 1)
    assert dock.pending() == [KEY]
    spin(upload.abort())


KILLED = """
import os, pathlib, sys
sys.path.insert(0, sys.argv[3])
from s4_node.s3.values import Store
from support.spinning import spin, until
from support.uploading import PART, a_dock
fields = dict(zip(("bucket", "endpoint", "credentials"), sys.argv[4:]))
with a_dock(Store(**fields), pathlib.Path(sys.argv[1]), parts=int(sys.argv[2])) as dock:
    upload = dock.upload(3 * PART)
    spin(upload.write(0, bytes(PART)))
    until(lambda: upload.multipart is not None and not upload._parts._flying)
    os.kill(os.getpid(), 9)
"""


def test_a_node_killed_in_the_middle_of_an_upload_leaves_nothing_that_is_not_swept(
    dock: Dock, store: Store, tmp_path: Path
) -> None:
    tests = str(Path(__file__).parents[1])
    place = [str(tmp_path), "3", tests, store.bucket, store.endpoint, store.credentials]
    ended = subprocess.run([sys.executable, "-c", KILLED, *place], check=False, capture_output=True)
    assert ended.returncode == -9, ended.stderr.decode()
    assert dock.visible() == []
    assert dock.pending() == [KEY]
    again = dock.upload(3 * PART)
    assert Spool(dock.spool.folder, 1).swept == 1
    assert spin(abandoned(dock.objects, soon())) == 1
    spin(again.write(0, bytes(3 * PART)))
    assert spin(again.close()).size == 3 * PART + 84
    assert dock.pending() == []
    assert dock.is_empty()
