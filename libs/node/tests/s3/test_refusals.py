"""Each of S3's refusals is one of our errors, says what an operator needs, and none of S3's words."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from s4_node.s3.bucket import Bucket
from s4_node.s3.errors import (
    BucketMissing,
    ClockSkewed,
    ConditionFailed,
    Damaged,
    Forbidden,
    Missing,
    NoCredentials,
    OutOfRange,
    S3Error,
    Unavailable,
    WrongRegion,
)
from s4_node.s3.requests import Patience
from s4_node.s3.values import Absent, Store
from support.scripted_http import Reply, ScriptedHttp, error


def refused(bucket: Bucket, scripted: ScriptedHttp, reply: Reply) -> S3Error:
    """What a GET raises that S3 refuses with this reply, once."""
    scripted.answers(reply)
    with pytest.raises(S3Error) as raised:
        bucket.get("one")
    assert len(scripted.asked) == 1
    return raised.value


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchKey", Missing),
        (404, "NoSuchUpload", Missing),
        (404, "NoSuchBucket", BucketMissing),
        (412, "PreconditionFailed", ConditionFailed),
        (409, "ConditionalRequestConflict", ConditionFailed),
        (416, "InvalidRange", OutOfRange),
        (403, "AccessDenied", Forbidden),
        (403, "InvalidAccessKeyId", Forbidden),
        (403, "SignatureDoesNotMatch", Forbidden),
        (400, "ExpiredToken", Forbidden),
        (400, "InvalidToken", Forbidden),
        (401, "Unauthorized", Forbidden),
        (403, "RequestTimeTooSkewed", ClockSkewed),
        (400, "AuthorizationHeaderMalformed", WrongRegion),
        (301, "PermanentRedirect", WrongRegion),
        (307, "TemporaryRedirect", WrongRegion),
        (501, "NotImplemented", S3Error),
        (400, "EntityTooSmall", S3Error),
    ],
)
def test_a_refusal_is_raised_at_once_by_its_name(
    scripted_bucket: Bucket, scripted: ScriptedHttp, status: int, code: str, kind: type[S3Error]
) -> None:
    raised = refused(scripted_bucket, scripted, error(status, code))
    assert type(raised) is kind
    assert (raised.operation, raised.code, raised.status) == ("get", code, status)


@pytest.mark.parametrize(("status", "kind"), [(403, Forbidden), (404, Missing), (412, ConditionFailed), (418, S3Error)])
def test_a_refusal_without_words_is_known_by_its_status(
    scripted_bucket: Bucket, scripted: ScriptedHttp, status: int, kind: type[S3Error]
) -> None:
    assert type(refused(scripted_bucket, scripted, Reply(status))) is kind


@pytest.mark.parametrize(
    "body",
    [
        b"<html>no XML of S3's",
        b"<Error><Code>a sentence: AKIASECRET</Code></Error>",
        b"<!DOCTYPE Error [<!ENTITY a 'AKIASECRET'>]><Error><Code>&a;</Code></Error>",
        b"\xff\xfe\x00AKIASECRET",
        b"",
    ],
)
def test_what_s3_would_not_write_gets_into_no_error(
    scripted_bucket: Bucket, scripted: ScriptedHttp, body: bytes
) -> None:
    raised = refused(scripted_bucket, scripted, Reply(403, body=body))
    assert (type(raised), str(raised)) == (Forbidden, "get: Forbidden")


def test_no_key_no_signature_and_no_word_of_s3_gets_into_errors_and_logs(
    scripted_bucket: Bucket, scripted: ScriptedHttp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    raised = refused(scripted_bucket, scripted, error(403, "SignatureDoesNotMatch"))
    signature = scripted.asked[0].headers["authorization"].rpartition("Signature=")[2]
    for told in (str(raised), repr(raised), caplog.text):
        assert "AKIA" not in told
        assert "a-secret" not in told
        assert signature not in told


@pytest.mark.parametrize(("minutes", "words"), [(20, "seconds behind"), (-20, "seconds ahead")])
def test_a_wrong_clock_is_told_with_the_difference(
    scripted_bucket: Bucket, scripted: ScriptedHttp, minutes: int, words: str
) -> None:
    theirs = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    body = error(403, "RequestTimeTooSkewed").body
    raised = refused(scripted_bucket, scripted, Reply(403, {"Date": theirs}, body))
    assert words in str(raised)
    assert 1195 <= int(next(word for word in str(raised).split() if word.isdecimal())) <= 1205


@pytest.mark.parametrize(
    "reply",
    [
        error(301, "PermanentRedirect", x_amz_bucket_region="eu-central-1"),
        error(400, "AuthorizationHeaderMalformed", "<Region>eu-central-1</Region>"),
        Reply(301, {"x-amz-bucket-region": "eu-central-1"}),
    ],
)
def test_the_right_region_is_told(scripted_bucket: Bucket, scripted: ScriptedHttp, reply: Reply) -> None:
    assert "eu-central-1" in str(refused(scripted_bucket, scripted, reply))


def test_a_region_that_is_none_is_not_repeated(scripted_bucket: Bucket, scripted: ScriptedHttp) -> None:
    raised = refused(scripted_bucket, scripted, error(301, "PermanentRedirect", x_amz_bucket_region="AKIA/secret key"))
    assert "does not say which region" in str(raised)


def test_without_keys_nothing_is_asked(scripted: ScriptedHttp, scripted_store: Store) -> None:
    store = Store("shares", endpoint=scripted_store.endpoint, credentials="file:/nowhere/at/all")
    with pytest.raises(NoCredentials):
        Bucket(store).get("one")
    assert not scripted.asked


@pytest.mark.parametrize(
    ("ask", "reply"),
    [
        (lambda bucket: list(bucket.list("")), Reply(body=b"<not xml")),
        (lambda bucket: list(bucket.list("")), Reply(body=b"<ListBucketResult><Contents/></ListBucketResult>")),
        (lambda bucket: bucket.begin_upload("one"), Reply(body=b"")),
        (lambda bucket: bucket.put("one", b"x"), Reply()),
        (lambda bucket: bucket.put("one", b"x"), Reply(headers={"ETag": "x", "x-amz-checksum-crc32": "AAAAAA=="})),
        (lambda bucket: bucket.get("one"), Reply(headers={"ETag": "x", "x-amz-checksum-crc32": "AAAAAA=="}, body=b"x")),
        (lambda bucket: bucket.get("one", etag='"a"'), Reply(headers={"ETag": '"b"'}, body=b"x")),
        (lambda bucket: bucket.get("one", 2, 4), Reply(206, {"Content-Range": "bytes 0-1/9"}, b"xx")),
        (lambda bucket: bucket.get("one", 2, 4), Reply(206, {"Content-Range": "bytes 2-3/9"}, b"x")),
        (lambda bucket: bucket.get("one", 2, 4), Reply(206, {}, b"xx")),
        (lambda bucket: bucket.put("one", b"x"), error(400, "BadDigest")),
    ],
)
def test_what_arrives_damaged_every_time_is_damaged(
    scripted_bucket: Bucket, scripted: ScriptedHttp, ask: Callable[[Bucket], object], reply: Reply
) -> None:
    scripted.answers(*[reply] * 9)
    with pytest.raises(Damaged):
        ask(scripted_bucket)


def test_an_object_that_is_not_deleted_hinders(scripted_bucket: Bucket, scripted: ScriptedHttp) -> None:
    result = "<DeleteResult><Error><Key>one/b</Key><Code>{}</Code></Error></DeleteResult>"
    scripted.answers(Reply(body=result.format("AccessDenied").encode()))
    with pytest.raises(Forbidden):
        scripted_bucket.delete_many(["a", "b"])
    scripted.answers(Reply(body=result.format("InternalError").encode()), Reply(body=b"<DeleteResult/>"))
    scripted_bucket.delete_many(["a", "b"])
    assert len(scripted.asked) == 3


def test_an_error_may_come_under_the_status_of_a_success(scripted_bucket: Bucket, scripted: ScriptedHttp) -> None:
    late = Reply(body=error(500, "InternalError").body)
    done = Reply(body=b"<CompleteMultipartUploadResult><ETag>&quot;e-1&quot;</ETag></CompleteMultipartUploadResult>")
    scripted.answers(late, late, done)
    assert scripted_bucket.complete_upload("one", "up", ['"a"'], only_if=Absent()) == '"e-1"'


@pytest.mark.parametrize("code", ["SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout"])
def test_a_busy_s3_is_asked_again_until_the_time_is_up(
    scripted_store: Store, scripted: ScriptedHttp, code: str
) -> None:
    scripted.answers(*[error(503, code)] * 1000)
    with pytest.raises(Unavailable) as raised:
        Bucket(scripted_store, patience=Patience(whole=0.5, first_pause=0.01, longest_pause=0.05)).get("one")
    assert raised.value.code == code
    assert len(scripted.asked) > 3


@pytest.mark.parametrize("name", ["location", "versioning", "lifecycle"])
def test_what_the_keys_may_not_see_of_the_bucket_is_unknown(
    scripted_bucket: Bucket, scripted: ScriptedHttp, name: str
) -> None:
    scripted.answers(*[error(403, "AccessDenied")] * 2)
    assert getattr(scripted_bucket, name)() is None


def test_what_a_store_does_not_know_of_buckets_is_not_set(scripted_bucket: Bucket, scripted: ScriptedHttp) -> None:
    scripted.answers(error(501, "NotImplemented"), error(405, "MethodNotAllowed"))
    assert scripted_bucket.versioning() is False
    lifecycle = scripted_bucket.lifecycle()
    assert lifecycle is not None
    assert lifecycle.abort_days is None


def test_the_shortest_rule_that_concerns_the_prefix_counts(scripted_bucket: Bucket, scripted: ScriptedHttp) -> None:
    rule = (
        "<Rule><Status>{}</Status><Filter><Prefix>{}</Prefix></Filter>"
        "<AbortIncompleteMultipartUpload><DaysAfterInitiation>{}</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>"
    )
    rules = [("Enabled", "one/", 3), ("Enabled", "", 5), ("Disabled", "", 1), ("Enabled", "two/", 2)]
    body = "".join(rule.format(*each) for each in rules)
    scripted.answers(Reply(body=f"<LifecycleConfiguration>{body}</LifecycleConfiguration>".encode()))
    lifecycle = scripted_bucket.lifecycle()
    assert lifecycle is not None
    assert lifecycle.abort_days == 3


def test_a_bucket_that_is_not_there_is_named_so_when_it_is_looked_for(
    scripted_bucket: Bucket, scripted: ScriptedHttp
) -> None:
    scripted.answers(Reply(404))
    with pytest.raises(BucketMissing):
        scripted_bucket.location()
