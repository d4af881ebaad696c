"""`s4-node copy` between the disk backend's directory and buckets."""

import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from allmydata.storage.immutable import ShareFile
from allmydata.storage.mutable import MutableShareFile

from s4_node.s3.bucket import Bucket
from s4_node.s3.values import Store
from s4_node.settings import MIB
from s4_node.storage import layout
from support import disk_shares
from support.disk_shares import content, index, lease
from support.s3_control import S3Control
from support.s3_servers import Server

COMMAND = [str(Path(sys.executable).parent / "s4-node"), "copy"]
BIG = 20 * MIB


def place(store: Store) -> str:
    """The store as a person writes it."""
    prefix = f"/{store.prefix}" if store.prefix else ""
    return f"s3://{store.bucket}{prefix}?endpoint={quote(store.endpoint)}&credentials={quote(store.credentials)}"


def sizes_of(disk: Path) -> list[int]:
    return [len(body) for body in disk_shares.files(disk).values()]


def copy(*words: str | Path, expect: int = 0) -> dict[str, Any]:
    done = subprocess.run(
        [*COMMAND, "--json", "--quiet", *map(str, words)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == expect, done.stderr
    return json.loads(done.stdout) if done.stdout else {"said": done.stderr}


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A small grid on a disk: two sizes of immutable share, a mutable one, an advisory."""
    storage = tmp_path / "disk"
    disk_shares.immutable(storage, index(1), 0, content(1000))
    disk_shares.immutable(storage, index(1), 10, content(1001))
    disk_shares.immutable(storage, index(1), 2, content(1002))
    disk_shares.immutable(storage, index(2), 0, content(BIG))
    disk_shares.mutable(storage, index(3), 0, content(5000))
    disk_shares.advisory(storage, index(1), 0, "it is corrupt")
    return storage


@pytest.fixture
def other_store(s3: Server, bucket_name: str) -> Store:
    """Another place in the same bucket."""
    return s3.store(bucket_name, "elsewhere/")


def contents(store: Store) -> dict[str, bytes]:
    bucket = Bucket(store)
    return {stat.key: bucket.get(stat.key).body for stat in bucket.list("")}


def test_every_share_of_a_disk_is_in_the_bucket_byte_for_byte(disk: Path, store: Store) -> None:
    result = copy(disk, place(store))
    assert result["objects"] == {"copied": 6}
    assert contents(store) == disk_shares.files(disk)


def test_a_second_copy_writes_nothing(disk: Path, store: Store, s3_control: S3Control) -> None:
    copy(disk, place(store))
    s3_control.clear_counts()
    assert copy(disk, place(store)) == {"objects": {"same": 6}, "copied_bytes": 0, "troubles": []}
    assert set(s3_control.counts()) == {"ListObjectsV2"}, "what is in the bucket was not even read"


def test_there_and_elsewhere_and_back_again_is_the_same_disk(
    disk: Path, store: Store, other_store: Store, tmp_path: Path
) -> None:
    back = tmp_path / "back"
    copy(disk, place(store))
    copy(place(store), place(other_store))
    copy(place(other_store), back)
    assert disk_shares.files(back) == disk_shares.files(disk)
    assert copy(place(other_store), back)["objects"] == {"same": 6}


def test_a_copy_between_two_buckets_knows_what_is_there_already(store: Store, other_store: Store, disk: Path) -> None:
    copy(disk, place(store))
    copy(place(store), place(other_store))
    assert copy(place(store), place(other_store))["objects"] == {"same": 6}


def test_what_is_not_the_grids_is_left_where_it_is(disk: Path, store: Store, tmp_path: Path) -> None:
    bucket = Bucket(store)
    bucket.put("holiday.jpg", b"private")
    bucket.put("meta/usage.json", b"{}")
    bucket.put("shares/xx/notes", b"private too")
    incoming = disk / "shares/incoming/ab/half"
    incoming.parent.mkdir(parents=True)
    incoming.write_bytes(b"half a share")
    assert copy(disk, place(store))["objects"] == {"copied": 6}
    copy(place(store), tmp_path / "back")
    assert len(disk_shares.files(tmp_path / "back")) == 6


def test_a_killed_copy_leaves_whole_shares_only_and_goes_on_later(
    disk: Path, store: Store, s3_control: S3Control
) -> None:
    s3_control.latency(60)
    process = subprocess.Popen([*COMMAND, "--quiet", "--workers", "2", str(disk), place(store)])
    s3_control.until(lambda sums: "UploadPart" in sums and sums["UploadPart"].requests >= 1)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    s3_control.latency(0)
    whole = disk_shares.files(disk)
    there = contents(store)
    assert layout.share(index(2), 0) not in there, "it was in the middle of this one"
    assert all(whole[key] == body for key, body in there.items())
    result = copy(disk, place(store))
    assert result["objects"].get("same", 0) == len(there)
    assert contents(store) == whole


def test_another_share_under_the_same_name_is_never_replaced_unasked(disk: Path, store: Store) -> None:
    copy(disk, place(store))
    share = MutableShareFile(str(disk / layout.share(index(3), 0)))
    share.writev([(0, b"newer")], None)
    before = contents(store)
    refused = copy(disk, place(store), expect=1)
    assert refused["objects"] == {"same": 5, "different": 1}
    assert refused["troubles"][0]["key"] == layout.share(index(3), 0)
    assert contents(store) == before
    assert copy("--overwrite", disk, place(store))["objects"] == {"same": 5, "copied": 1}
    assert contents(store) == disk_shares.files(disk)


def renewal(expires: int, secret: bytes) -> bytes:
    """A renewed lease as the bucket holds it, made by Tahoe's own serializer."""
    from allmydata.storage.immutable_schema import NEWEST_SCHEMA_VERSION

    record: bytes = NEWEST_SCHEMA_VERSION.lease_serializer.serialize(lease(secret, expires))
    assert len(record) == struct.calcsize(">L32s32sL")
    return record


@pytest.mark.parametrize("kind", [disk_shares.immutable, disk_shares.mutable])
def test_leases_that_were_renewed_in_the_bucket_are_in_the_shares_on_the_disk(
    kind: Callable[..., Path], store: Store, tmp_path: Path
) -> None:
    """One lease is renewed, five are new: a mutable share has room for four before its data."""
    first, added = b"\x01" * 32, [bytes([n]) * 32 for n in range(2, 7)]
    path = kind(tmp_path / "disk", index(1), 0, content(3000), lease(first, 1_000))
    copy(tmp_path / "disk", place(store))
    records = [renewal(9_000, first), *(renewal(2_000 + n, secret) for n, secret in enumerate(added))]
    Bucket(store).put(layout.leases(index(1)), b"".join(records))
    assert copy(place(store), tmp_path / "back")["objects"] == {"copied": 1}
    found = tmp_path / "back" / path.relative_to(tmp_path / "disk")
    share = ShareFile(str(found)) if kind is disk_shares.immutable else MutableShareFile(str(found))
    expiries = {
        secret: [each.get_expiration_time() for each in share.get_leases() if each.is_renew_secret(secret)]
        for secret in (first, *added)
    }
    assert expiries == {first: [9_000], **{secret: [2_000 + n] for n, secret in enumerate(added)}}
    data = share.read_share_data(0, 3000) if isinstance(share, ShareFile) else share.readv([(0, 3000)])[0]
    assert data == content(3000)
    assert copy(place(store), tmp_path / "back")["objects"] == {"same": 1}


def test_a_store_that_fails_now_and_then_is_asked_again(disk: Path, store: Store, s3_control: S3Control) -> None:
    s3_control.fail("slow_down", "PutObject", times=2)
    s3_control.fail("internal_error", "UploadPart")
    assert copy(disk, place(store))["objects"] == {"copied": 6}


def test_what_cannot_be_copied_is_named_and_the_rest_is_copied(disk: Path, store: Store, s3_control: S3Control) -> None:
    refused = layout.share(index(1), 2)
    s3_control.fail("access_denied", "PutObject", key=refused, times=None)
    result = copy(disk, place(store), expect=1)
    assert result["objects"] == {"copied": 5, "failed": 1}
    assert [(each["key"], each["why"]) for each in result["troubles"]] == [(refused, "Forbidden: put: AccessDenied")]
    s3_control.clear_faults()
    assert copy(disk, place(store))["objects"] == {"copied": 1, "same": 5}


def test_a_dry_run_only_counts(disk: Path, store: Store) -> None:
    assert copy("--dry-run", disk, place(store)) == {"objects": 6, "bytes": sum(sizes_of(disk))}
    assert contents(store) == {}


def test_a_person_sees_how_far_it_is(disk: Path, store: Store) -> None:
    terminal, its_end = pty.openpty()
    termios.tcsetwinsize(its_end, (24, 80))
    command = [*COMMAND, str(disk), place(store)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=its_end, text=True, check=False, timeout=60)
    os.close(its_end)
    shown = b""
    with suppress(OSError):  # which is how a terminal ends
        while some := os.read(terminal, 65536):
            shown += some
    os.close(terminal)
    assert b"100%" in shown
    assert (done.returncode, done.stdout) == (0, f"6 objects copied, {sum(sizes_of(disk))} bytes\n")


def test_what_nobody_watches_has_no_progress_bar_and_says_what_was_left(disk: Path, store: Store) -> None:
    assert copy(disk, place(store))["objects"] == {"copied": 6}
    share = next((disk / "shares").rglob("10"))
    share.write_bytes(share.read_bytes() + bytes(72))
    done = subprocess.run([*COMMAND, str(disk), place(store)], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (1, "")
    left, summary = done.stdout.splitlines()
    assert left.startswith("different: shares/")
    assert "--overwrite" in left
    assert summary == "0 objects copied, 0 bytes; 5 were there already; 1 left, because the target has others"


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("{tmp}/nothing", "s3://bucket", "there are no shares in it"),
        ("{tmp}/file", "s3://bucket", "is a file, not a directory"),
        ("{tmp}", "s3://bucket", "there is something in it, but no `shares`"),
        ("s3://bucket?colour=red", "{tmp}/new", "colour: there is no such setting"),
        ("s3://bucket", "s3://bucket", "source and target are the same place"),
    ],
)
def test_a_wrong_place_is_said_in_words(source: str, target: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = copy(source.format(tmp=tmp_path), target.format(tmp=tmp_path), expect=2)
    assert said in result["said"]


def test_a_bucket_that_is_not_there_is_said_in_words(s3: Server, tmp_path: Path) -> None:
    result = copy(place(s3.store("no-such-bucket")), tmp_path / "new", expect=1)
    assert "there is no such bucket; create it" in result["said"]
