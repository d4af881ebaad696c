"""What is asked again, when, how often; and whose a write was that had no answer."""

import base64
import hashlib
import secrets
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from s4_node.s3.bodies import Payload
from s4_node.s3.bucket import Bucket
from s4_node.s3.errors import ConditionFailed, Damaged, Missing, Unavailable
from s4_node.s3.requests import Patience
from s4_node.s3.values import Absent, FileSlice, Store, Unchanged
from support.s3_control import S3Control
from support.s3_servers import Server, free_port
from support.scripted_http import Reply, ScriptedHttp, error

HASTY = Patience(whole=3.0, silence=0.5, connecting=0.5, first_pause=0.01, longest_pause=0.05)
BODY = secrets.token_bytes(70_000)
FOUND = Reply(headers={"ETag": '"e"'}, body=b"found")


@dataclass
class Observed:
    """Every attempt, as it was observed."""

    attempts: list[tuple[str, str, int, int]] = field(default_factory=list)

    def __call__(self, operation: str, outcome: str, seconds: float, sent: int, received: int) -> None:
        assert seconds >= 0
        self.attempts.append((operation, outcome, sent, received))

    @property
    def outcomes(self) -> list[str]:
        return [outcome for _, outcome, _, _ in self.attempts]


@pytest.fixture
def observed() -> Observed:
    return Observed()


@pytest.fixture
def faulty(server_named: Callable[[str], Server], observed: Observed) -> Bucket:
    """A bucket of the double."""
    server, name = server_named("double"), f"faulty-{secrets.token_hex(6)}"
    server.make_bucket(name)
    return Bucket(server.store(name, "one/"), observe=observed, patience=HASTY)


@pytest.fixture
def control(server_named: Callable[[str], Server]) -> Iterator[S3Control]:
    control = S3Control(server_named("double").control)
    control.reset()
    yield control
    control.reset()


@pytest.mark.parametrize(
    "kind", ["slow_down", "internal_error", "unavailable", "reset", "cut", "stall", "hang", "damaged"]
)
def test_a_read_that_fails_twice_succeeds(faulty: Bucket, control: S3Control, observed: Observed, kind: str) -> None:
    faulty.put("one", BODY)
    control.fail(kind, "GetObject", times=2)
    assert faulty.get("one").body == BODY
    assert len(observed.outcomes) == 4
    assert observed.outcomes[-1] == "ok"
    assert "ok" not in observed.outcomes[1:-1]


@pytest.mark.parametrize("kind", ["short", "wrong_etag"])
def test_a_range_that_is_not_as_it_was_is_asked_for_again(faulty: Bucket, control: S3Control, kind: str) -> None:
    etag = faulty.put("one", BODY)
    control.fail(kind, "GetObject", times=2)
    assert faulty.get("one", 5, 5000, etag=etag).body == BODY[5:5000]


@pytest.mark.parametrize("kind", ["garbage", "cut", "internal_error"])
def test_a_listing_that_fails_is_asked_for_again(faulty: Bucket, control: S3Control, kind: str) -> None:
    faulty.put("one", b"")
    control.fail(kind, "ListObjectsV2", times=2)
    assert [found.key for found in faulty.list("")] == ["one"]


AMBIGUOUS = ["commit_then_cut", "commit_then_error", "commit_then_hang", "internal_error", "reset"]


@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_our_own_write_that_had_no_answer_is_a_success(faulty: Bucket, control: S3Control, kind: str) -> None:
    control.fail(kind, "PutObject")
    etag = faulty.put("one", b"first", only_if=Absent())
    control.fail(kind, "PutObject")
    second = faulty.put("one", b"second", only_if=Unchanged(etag))
    assert (faulty.get("one").body, faulty.head("one").etag) == (b"second", second)


@pytest.mark.parametrize("body", [b"theirs", b"ours"])
def test_anothers_write_is_not_taken_for_ours(faulty: Bucket, control: S3Control, body: bytes) -> None:
    faulty.put("one", body, only_if=Absent())
    control.fail("internal_error", "PutObject")
    with pytest.raises(ConditionFailed):
        faulty.put("one", b"ours", only_if=Absent())


def test_where_metadata_is_not_kept_the_bytes_tell_whose_a_write_was(faulty: Bucket, control: S3Control) -> None:
    control.behave(keeps_metadata=False)
    control.fail("commit_then_cut", "PutObject")
    faulty.put("one", b"ours", only_if=Absent())
    faulty.put("two", b"theirs")
    control.fail("internal_error", "PutObject")
    with pytest.raises(ConditionFailed):
        faulty.put("two", b"ours..", only_if=Absent())


@pytest.mark.parametrize("kind", [*AMBIGUOUS, "error_in_200", "garbage"])
@pytest.mark.parametrize("manners", [{"keeps_metadata": True}, {"keeps_metadata": False}])
def test_our_own_completion_that_had_no_answer_is_a_success(
    faulty: Bucket, control: S3Control, kind: str, manners: dict[str, bool]
) -> None:
    control.behave(**manners)
    upload = faulty.begin_upload("big")
    parts = [faulty.put_part("big", upload, 1, BODY)]
    control.fail(kind, "CompleteMultipartUpload")
    etag = faulty.complete_upload("big", upload, parts, only_if=Absent())
    assert (faulty.get("big").body, faulty.head("big").etag) == (BODY, etag)


def test_anothers_completion_is_not_taken_for_ours(faulty: Bucket, control: S3Control) -> None:
    faulty.put("big", b"theirs")
    upload = faulty.begin_upload("big")
    parts = [faulty.put_part("big", upload, 1, BODY)]
    control.fail("internal_error", "CompleteMultipartUpload")
    with pytest.raises(ConditionFailed):
        faulty.complete_upload("big", upload, parts, only_if=Absent())


def test_an_error_that_came_as_a_success_is_not_taken_for_an_empty_listing(faulty: Bucket, control: S3Control) -> None:
    faulty.put("one", b"there")
    control.fail("error_in_200", "ListObjectsV2")
    assert [stat.key for stat in faulty.list("")] == ["one"]
    control.fail("error_in_200", "ListObjectsV2", times=None)
    with pytest.raises(Damaged):
        list(faulty.list(""))


def test_anothers_completion_of_the_same_bytes_is_not_taken_for_ours(faulty: Bucket, control: S3Control) -> None:
    uploads = [faulty.begin_upload("big") for _ in range(2)]
    parts = [[faulty.put_part("big", upload, 1, BODY)] for upload in uploads]
    faulty.complete_upload("big", uploads[0], parts[0], only_if=Absent())
    control.fail("internal_error", "CompleteMultipartUpload")
    with pytest.raises(ConditionFailed):
        faulty.complete_upload("big", uploads[1], parts[1], only_if=Absent())


def test_a_completion_in_anothers_way_ends_at_once(faulty: Bucket, control: S3Control, observed: Observed) -> None:
    upload = faulty.begin_upload("big")
    parts = [faulty.put_part("big", upload, 1, BODY)]
    control.fail("conflict", "CompleteMultipartUpload")
    with pytest.raises(ConditionFailed) as raised:
        faulty.complete_upload("big", upload, parts, only_if=Absent())
    assert raised.value.status == 409
    assert observed.outcomes.count("ConditionalRequestConflict") == 1


def test_a_write_in_anothers_way_waits_a_little(faulty: Bucket, control: S3Control) -> None:
    control.fail("conflict", "PutObject", times=2)
    faulty.put("one", b"ours", only_if=Absent())
    control.fail("conflict", "PutObject", times=None)
    with pytest.raises(ConditionFailed) as raised:
        faulty.put("two", b"ours", only_if=Absent())
    assert raised.value.status == 409


@pytest.mark.parametrize("kind", ["commit_then_cut", "commit_then_error", "reset"])
def test_our_own_deletion_that_had_no_answer_is_a_success(faulty: Bucket, control: S3Control, kind: str) -> None:
    etag = faulty.put("one", b"first")
    control.fail(kind, "DeleteObject")
    faulty.delete("one", only_if=Unchanged(etag))
    with pytest.raises(Missing):
        faulty.head("one")


def test_a_deletion_refused_because_it_was_carried_out_is_a_success(
    scripted_bucket: Bucket, scripted: ScriptedHttp
) -> None:
    refusals = [error(500, "InternalError"), error(412, "PreconditionFailed")]
    scripted.answers(*refusals, Reply(404))
    scripted_bucket.delete("one", only_if=Unchanged('"e"'))
    scripted.answers(*refusals, FOUND)
    with pytest.raises(ConditionFailed):
        scripted_bucket.delete("one", only_if=Unchanged('"e"'))
    assert not scripted.script


@pytest.mark.parametrize("kind", ["commit_then_cut", "slow_down", "reset", "hang"])
def test_a_file_is_sent_again_from_its_beginning(faulty: Bucket, control: S3Control, tmp_path: Path, kind: str) -> None:
    (tmp_path / "spool").write_bytes(content := secrets.token_bytes(2_000_000))
    control.fail(kind, "PutObject", times=2)
    faulty.put("one", FileSlice(tmp_path / "spool", 10, 1_500_000))
    assert faulty.get("one").body == content[10:1_500_010]


def test_a_file_that_is_too_short_is_not_sent(scripted_bucket: Bucket, scripted: ScriptedHttp, tmp_path: Path) -> None:
    (tmp_path / "spool").write_bytes(b"short")
    with pytest.raises(EOFError):
        scripted_bucket.put("one", FileSlice(tmp_path / "spool", 1, 5))
    assert not scripted.asked


def test_the_time_for_all_attempts_is_limited(faulty: Bucket, control: S3Control, observed: Observed) -> None:
    control.fail("hang", times=None)
    began = time.monotonic()
    with pytest.raises(Unavailable) as raised:
        faulty.get("one")
    assert raised.value.code == "TimedOut"
    assert HASTY.whole - HASTY.silence - 0.2 <= time.monotonic() - began <= HASTY.whole + HASTY.silence + 0.5
    assert set(observed.outcomes) == {"TimedOut"}


def test_a_long_body_that_comes_in_drops_is_given_up(scripted_store: Store, scripted: ScriptedHttp) -> None:
    scripted.answers(*[Reply(headers={"ETag": "e"}, body=bytes(2_000_000), drops=5000)] * 9)
    began = time.monotonic()
    with pytest.raises(Unavailable) as raised:
        Bucket(scripted_store, patience=replace(HASTY, whole=0.5)).get("one")
    assert raised.value.code == "TimedOut"
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("size", [10, 200_000])
def test_a_body_that_is_cut_every_time_is_unavailable(scripted_store: Store, scripted: ScriptedHttp, size: int) -> None:
    scripted.answers(*[Reply(headers={"ETag": "e"}, body=bytes(size), cut=size - 1)] * 1000)
    with pytest.raises(Unavailable) as raised:
        Bucket(scripted_store, patience=replace(HASTY, whole=0.3)).get("one")
    assert raised.value.code in {"CutBody", "TimedOut"}  # the last attempt may have had little time left
    assert len(scripted.asked) > 1


def test_a_long_file_is_never_whole_in_memory(tmp_path: Path) -> None:
    with (tmp_path / "spool").open("wb") as spool:
        spool.truncate(size := 32 * 2**20)
    payload = Payload(FileSlice(tmp_path / "spool", 0, size))
    tracemalloc.start()
    try:
        sums = (payload.crc32(), payload.sha256(), payload.md5(), sum(len(piece) for piece in payload.pieces()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sums[3] == size
    assert peak < 2**20


def test_s3_is_left_alone_for_as_long_as_it_wants(scripted_bucket: Bucket, scripted: ScriptedHttp) -> None:
    scripted.answers(error(503, "SlowDown", Retry_After="1"), FOUND)
    began = time.monotonic()
    assert scripted_bucket.get("one").body == b"found"
    assert time.monotonic() - began >= 1


def test_nobody_waits_longer_than_the_time_for_all_attempts(scripted_bucket: Bucket, scripted: ScriptedHttp) -> None:
    scripted.answers(error(503, "SlowDown", Retry_After="3600"), FOUND)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        scripted_bucket.get("one")
    assert time.monotonic() - began < 1


def test_a_connection_that_s3_has_closed_costs_no_pause(scripted_store: Store, scripted: ScriptedHttp) -> None:
    slow = Bucket(scripted_store, patience=replace(HASTY, whole=60, first_pause=1000, longest_pause=1000))
    scripted.answers(FOUND, Reply(dropped=True), FOUND)
    began = time.monotonic()
    assert [slow.get("one").body for _ in range(2)] == [b"found"] * 2
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("endpoint", "code"), [("http://127.0.0.1:{port}", "NotConnected"), ("http://nowhere.invalid", "NameNotFound")]
)
def test_an_s3_that_is_not_there_is_unavailable(scripted_store: Store, endpoint: str, code: str) -> None:
    store = replace(scripted_store, endpoint=endpoint.format(port=free_port()))
    with pytest.raises(Unavailable) as raised:
        Bucket(store, patience=replace(HASTY, whole=0.5)).get("one")
    assert raised.value.code == code


def test_every_attempt_is_observed(faulty: Bucket, control: S3Control, observed: Observed) -> None:
    faulty.put("one", BODY)
    control.fail("slow_down", "GetObject")
    faulty.get("one")
    with pytest.raises(Missing):
        faulty.get("two")
    sizes = [(operation, outcome, sent) for operation, outcome, sent, _ in observed.attempts]
    assert sizes == [
        ("put", "ok", len(BODY)), ("get", "SlowDown", 0), ("get", "ok", 0), ("get", "NoSuchKey", 0)
    ]  # fmt: skip
    assert observed.attempts[2][3] == len(BODY)


def test_only_one_of_many_writers_is_the_first(faulty: Bucket, control: S3Control) -> None:
    control.fail("commit_then_cut", "PutObject", times=3)

    def write(number: int) -> int:
        try:
            faulty.put("one", str(number).encode(), only_if=Absent())
        except ConditionFailed:
            return 0
        return 1

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(write, range(24))) == 1


def test_requests_say_what_the_store_is_set_to(scripted_store: Store, scripted: ScriptedHttp) -> None:
    begun = Reply(body=b"<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>")
    scripted.answers(FOUND, begun, FOUND)
    bucket = Bucket(replace(scripted_store, encryption="aws:kms", kms_key="arn:key", checksum="md5"))
    bucket.put("one", b"x")
    bucket.begin_upload("one")
    Bucket(replace(scripted_store, encryption="AES256", checksum="none")).put("one", b"x")
    kms, upload, aes = (asked.headers for asked in scripted.asked)
    for headers in (kms, upload):
        assert headers["x-amz-server-side-encryption"] == "aws:kms"
        assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == "arn:key"
    assert kms["content-md5"] == base64.b64encode(hashlib.md5(b"x", usedforsecurity=False).digest()).decode()
    assert aes["x-amz-server-side-encryption"] == "AES256"
    assert not {"content-md5", "x-amz-checksum-crc32"} & aes.keys()


def test_a_server_without_ranges_is_understood(scripted_bucket: Bucket, scripted: ScriptedHttp) -> None:
    scripted.answers(Reply(headers={"ETag": "e"}, body=b"0123456789"))
    found = scripted_bucket.get("one", 2, 5)
    assert (found.body, found.size, found.etag) == (b"234", 10, '"e"')


def test_connections_are_kept(scripted_bucket: Bucket, scripted: ScriptedHttp) -> None:
    scripted.answers(*[FOUND] * 50)
    for _ in range(50):
        scripted_bucket.get("one")
    assert len(scripted.connections) == 1
