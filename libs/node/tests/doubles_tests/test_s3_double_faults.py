"""The accidents that the S3 double has to order, as a client meets them."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPException, IncompleteRead
from pathlib import Path
from time import monotonic

import pytest

from support.s3_control import S3Control
from support.s3_servers import DOUBLE, Server, start_double, start_juicefs

BIG = os.urandom(3 * 2**20)
REFUSALS = {
    "slow_down": (503, b"SlowDown"),
    "internal_error": (500, b"InternalError"),
    "unavailable": (503, b"ServiceUnavailable"),
    "access_denied": (403, b"AccessDenied"),
    "revoked": (403, b"InvalidAccessKeyId"),
    "expired": (400, b"ExpiredToken"),
    "skewed": (403, b"RequestTimeTooSkewed"),
    "wrong_region": (400, b"<Region>eu-central-1</Region>"),
    "moved": (301, b"PermanentRedirect"),
    "conflict": (409, b"ConditionalRequestConflict"),
    "error_in_200": (200, b"<Code>InternalError</Code>"),
}


@pytest.fixture
def key(s3: Server, bucket_name: str) -> str:
    """The address of an object that is there."""
    path = f"/{bucket_name}/key"
    assert s3.request("PUT", path, b"hello")[0] == 200
    return path


def in_background(ask: Callable[[], tuple[int, bytes]]) -> "Future[tuple[int, bytes]]":
    threads = ThreadPoolExecutor(1)
    try:
        return threads.submit(ask)
    finally:
        threads.shutdown(wait=False)


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_request_is_refused_once_and_not_done(s3: Server, key: str, s3_control: S3Control, kind: str) -> None:
    s3_control.fail(kind)
    status, body = s3.request("PUT", key, b"other")
    assert (status, REFUSALS[kind][1] in body) == (REFUSALS[kind][0], True)
    assert s3.request("GET", key) == (200, b"hello")


def test_any_code_can_be_answered_some_times_after_some(s3: Server, key: str, s3_control: S3Control) -> None:
    s3_control.fail("error", "GetObject", times=2, after=1, code="RequestTimeout", status=400)
    assert [s3.request("GET", key)[0] for _ in range(5)] == [200, 400, 400, 200, 200]
    assert [fault.hits for fault in s3_control.faults()] == [2]


def test_a_fault_hits_its_operation_and_key_only_until_it_is_healed(
    s3: Server, key: str, s3_control: S3Control
) -> None:
    s3_control.fail("slow_down", "GetObject", times=None, key="oth")
    assert s3.request("GET", key)[0] == 200
    assert s3.request("PUT", key + "-other", b"x")[0] == 200
    assert [s3.request("GET", key + "-other")[0] for _ in range(3)] == [503] * 3
    s3_control.clear_faults()
    assert s3.request("GET", key + "-other") == (200, b"x")


@pytest.mark.parametrize("size", [5, len(BIG)])
def test_a_body_is_cut_and_the_length_tells(s3: Server, key: str, s3_control: S3Control, size: int) -> None:
    body = BIG[:size]
    assert s3.request("PUT", key, body)[0] == 200
    s3_control.fail("cut", "GetObject")
    with pytest.raises(IncompleteRead) as cut:
        s3.request("GET", key)
    assert cut.value.partial == body[: size // 2]
    assert s3.request("GET", key) == (200, body)


def test_a_body_is_short_or_damaged_and_the_length_does_not_tell(s3: Server, key: str, s3_control: S3Control) -> None:
    s3_control.fail("short", "GetObject", bytes=2)
    assert s3.request("GET", key) == (200, b"hel")
    s3_control.fail("damaged", "GetObject")
    damaged = s3.request("GET", key)[1]
    assert (len(damaged), sum(a != b for a, b in zip(damaged, b"hello", strict=True))) == (5, 1)
    s3_control.fail("garbage")
    assert s3.request("GET", key) == (200, b"<not xml")


@pytest.mark.parametrize(("kind", "left"), [("commit_then_cut", b"other"), ("reset", b"hello")])
def test_an_answer_is_lost_with_the_write_done_or_not(
    s3: Server, key: str, s3_control: S3Control, kind: str, left: bytes
) -> None:
    s3_control.fail(kind, "PutObject")
    with pytest.raises((HTTPException, ConnectionError)):
        s3.request("PUT", key, b"other")
    assert s3.request("GET", key) == (200, left)
    assert [line.status for line in s3_control.log("PutObject")] == [0]


def test_a_write_is_done_and_called_an_error(s3: Server, key: str, s3_control: S3Control) -> None:
    s3_control.fail("commit_then_error", "PutObject")
    assert s3.request("PUT", key, b"other")[0] == 500
    assert s3.request("GET", key) == (200, b"other")


@pytest.mark.parametrize("kind", ["hang", "commit_then_hang", "stall"])
def test_who_hangs_is_cut_off_when_the_faults_are_cleared(
    s3: Server, key: str, s3_control: S3Control, kind: str
) -> None:
    s3_control.fail(kind, "GetObject")
    hanging = in_background(lambda: s3.request("GET", key))
    s3_control.until(lambda sums: "GetObject" in sums and sums["GetObject"].at_once == 1)
    assert s3.request("PUT", key, b"other")[0] == 200
    assert not hanging.done()
    s3_control.clear_faults()
    with pytest.raises((HTTPException, ConnectionError)):
        hanging.result(20)


def test_who_is_held_goes_on_afterwards_and_meets_what_was_done_meanwhile(
    s3: Server, key: str, s3_control: S3Control
) -> None:
    s3_control.fail("hold", "GetObject")
    held = in_background(lambda: s3.request("GET", key))
    s3_control.until(lambda sums: "GetObject" in sums and sums["GetObject"].at_once == 1)
    assert s3.request("PUT", key, b"other")[0] == 200
    s3_control.release()
    assert held.result(20) == (200, b"other")


def test_delays_run_side_by_side(s3: Server, key: str, s3_control: S3Control) -> None:
    s3_control.latency(300, "GetObject")
    began = monotonic()
    assert s3.request("PUT", key, b"other")[0] == 200
    assert monotonic() - began < 0.3
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: s3.request("GET", key), range(8)))
    assert answers == [(200, b"other")] * 8
    assert 0.3 <= monotonic() - began < 8 * 0.3
    assert s3_control.sums()["GetObject"].most_at_once > 1


def test_requests_and_bytes_are_counted_by_operation(s3: Server, key: str, s3_control: S3Control) -> None:
    s3_control.clear_counts()
    s3.request("PUT", key, BIG)
    s3.request("GET", key)
    s3.request("GET", key + "-absent")
    sums = s3_control.sums()
    assert (sums["PutObject"].received, sums["PutObject"].sent) == (len(BIG), 0)
    assert (sums["GetObject"].requests, sums["GetObject"].errors) == (2, 1)
    assert sums["GetObject"].sent - len(BIG) in range(1, 1000)
    assert sums["*"].requests == 3
    assert s3_control.counts() == {"PutObject": 1, "GetObject": 2}
    assert [(line.key, line.status, line.code) for line in s3_control.log("GetObject")] == [
        ("key", 200, ""),
        ("key-absent", 404, "NoSuchKey"),
    ]
    assert s3_control.objects(key.split("/")[1]) == {"key": len(BIG)}


def test_a_store_that_knows_less_can_be_played(s3: Server, key: str, s3_control: S3Control) -> None:
    s3_control.behave(ignores_conditions=True, keeps_metadata=False)
    headers = {"If-None-Match": "*", "x-amz-meta-token": "1"}
    assert s3.request("PUT", key, b"other", headers=headers)[0] == 200
    s3_control.reset()
    assert s3.request("PUT", key, b"third", headers=headers)[0] == 412
    assert s3.request("GET", key) == (200, b"other")


def test_etags_can_say_nothing_about_the_bytes(s3: Server, key: str, s3_control: S3Control) -> None:
    s3_control.behave(opaque_etags=True)
    etags = []
    for _ in range(2):
        assert s3.request("PUT", key, b"hello")[0] == 200
        etags += re.findall(
            r"<ETag>(.+)</ETag>", s3.request("GET", key.rpartition("/")[0] + "?list-type=2")[1].decode()
        )
    assert len({*etags, '"5d41402abc4b2a76b9719d911017c592"'}) == 3
    assert s3.request("PUT", key, b"other", headers={"If-Match": etags[0]})[0] == 412
    assert s3.request("PUT", key, b"other", headers={"If-Match": etags[1]})[0] == 200
    assert s3.request("PUT", key, b"hallo", headers={"Content-MD5": "XUFAKrxLKna5cZ2REBfFkg=="})[0] == 400


def test_an_unknown_fault_is_no_fault(s3_control: S3Control) -> None:
    with pytest.raises(ValueError, match="no such thing"):
        s3_control.fail("no such thing")


def test_a_server_ends_with_its_starter_and_leaves_nothing_running(tmp_path: Path) -> None:
    server = start_double(tmp_path / "s3", "--bucket", "ready", "--latency", "1")
    assert server.request("PUT", "/ready/key", b"x")[0] == 200
    server.stop()
    assert server.process.returncode == 0
    with pytest.raises(ConnectionRefusedError):
        server.request("GET", "/ready/key")
    assert not (tmp_path / "s3" / "state").exists()
    server.stop()


def test_it_can_be_started_by_hand(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, str(DOUBLE), "--help"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert (said.returncode, "--latency" in said.stdout, said.stderr) == (0, True, "")


def test_juicefs_keeps_objects_and_ignores_conditions(tmp_path: Path) -> None:
    server = start_juicefs(tmp_path / "juicefs")
    try:
        server.make_bucket("bucket")
        assert server.request("PUT", "/bucket/key", b"hello")[0] == 200
        assert server.request("PUT", "/bucket/key", b"other", headers={"If-None-Match": "*"})[0] == 200
        assert server.request("GET", "/bucket/key") == (200, b"other")
    finally:
        server.stop()
