"""`s4-node check`: what it finds of a bucket, and what it tells a person to do."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from s4_node.s3.bucket import Bucket
from s4_node.s3.values import Store
from s4_node.storage import layout
from support.disk_shares import index
from support.s3_control import S3Control
from support.s3_servers import Server

COMMAND = [str(Path(sys.executable).parent / "s4-node"), "check"]


def written_as(store: Store, more: str = "") -> str:
    where = f"endpoint={quote(store.endpoint)}&credentials={quote(store.credentials)}&region={store.region}"
    return f"s3://{store.bucket}?{where}{more}"


def check(place: str, *, expect: int = 0) -> dict[str, tuple[str, str]]:
    done = subprocess.run([*COMMAND, "--json", place], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == expect, done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return {each["check"]: (each["state"], each["what"]) for each in found}


def test_a_good_bucket_is_good_in_every_way_and_is_left_empty(store: Store, s3: Server, s3_control: S3Control) -> None:
    found = check(written_as(store))
    states = {name: state for name, (state, _) in found.items()}
    assert states.pop("lifecycle") == "warning"
    assert "AbortIncompleteMultipartUpload" in found["lifecycle"][1]
    assert set(states.values()) == {"ok"}
    assert states.keys() >= {"bucket", "conditional writes", "versioning", "unfinished uploads", "foreign objects"}
    assert s3_control.objects(store.bucket) == {}


def test_a_person_reads_a_line_for_each_check(store: Store) -> None:
    done = subprocess.run([*COMMAND, written_as(store)], capture_output=True, text=True, check=True, timeout=60)
    assert f"ok    configuration: bucket {store.bucket}, {store.endpoint}" in done.stdout
    assert "ok    bucket: an object was written, read and deleted" in done.stdout


def test_a_bucket_that_is_not_there(s3: Server) -> None:
    found = check(written_as(s3.store("no-such-bucket")), expect=1)
    assert found["bucket"][0] == "failed"
    assert "create it" in found["bucket"][1]


def test_no_credentials_at_all(store: Store, tmp_path: Path) -> None:
    found = check(written_as(replace(store, credentials=f"file:{tmp_path}/nothing")), expect=1)
    assert "no credentials were found" in found["bucket"][1]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("access_denied", "s3:PutObject"),
        ("revoked", "s3:PutObject"),
        ("skewed", "set it by NTP"),
        ("wrong_region", "correct `region`"),
    ],
)
def test_what_s3_refuses_is_explained(fault: str, said: str, store: Store, s3_control: S3Control) -> None:
    s3_control.fail(fault, "PutObject", times=None)
    state, what = check(written_as(store), expect=1)["bucket"]
    assert state == "failed"
    assert said in what


@pytest.mark.long
def test_nobody_at_the_endpoint(store: Store) -> None:
    found = check(written_as(replace(store, endpoint="http://127.0.0.1:1")), expect=1)
    assert "reachable from here" in found["bucket"][1]


def test_a_store_that_ignores_conditions_fails_unless_one_writer_is_promised(
    store: Store, s3_control: S3Control
) -> None:
    s3_control.behave(ignores_conditions=True)
    assert check(written_as(store), expect=1)["conditional writes"][0] == "failed"
    assert check(written_as(store, "&single_writer=true"))["conditional writes"][0] == "warning"


def test_foreign_objects_are_named_wherever_they_sort(store: Store) -> None:
    bucket = Bucket(store)
    bucket.put(layout.share(index(1), 0), b"")
    bucket.put(layout.leases(index(1)), b"")
    bucket.put(layout.advisory("2026-01-01T000000Z", index(1), 0), b"")
    assert check(written_as(store))["foreign objects"] == ("ok", "none")
    bucket.put("notes/private.txt", b"")
    assert "'notes/private.txt'" in check(written_as(store))["foreign objects"][1]


def test_uploads_that_nobody_completed_are_counted(store: Store) -> None:
    Bucket(store).begin_upload(layout.share(index(1), 0))
    assert check(written_as(store))["unfinished uploads"] == ("ok", "1, of which 0 are older than a day")


def test_keys_are_never_in_what_is_said(store: Store, s3: Server, s3_control: S3Control) -> None:
    s3_control.fail("access_denied", "PutObject", times=None)
    done = subprocess.run([*COMMAND, written_as(store)], capture_output=True, text=True, check=False, timeout=60)
    assert s3.access_key not in done.stdout + done.stderr
    assert s3.secret_key not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("place", "said"),
    [("s3://", "bucket: is missing"), ("s3://b?region=&endpoint=ftp://x", "endpoint: begins with"), ("{tmp}", "disk")],
)
def test_wrong_words(place: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "shares").mkdir()
    done = subprocess.run([*COMMAND, place.format(tmp=tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr
