"""Parts carry their CRC-32, and the completion says them again."""

import zlib
from dataclasses import replace

import pytest

from s4_node.s3 import documents
from s4_node.s3.begun import BegunUploads
from s4_node.s3.bodies import crc32_text
from s4_node.s3.bucket import Bucket
from s4_node.s3.errors import Damaged
from s4_node.s3.requests import Patience
from s4_node.s3.values import Checksum, Store
from support.scripted_http import Reply, ScriptedHttp

BEGUN = Reply(body=b"<InitiateMultipartUploadResult><UploadId>up</UploadId></InitiateMultipartUploadResult>")
DONE = Reply(body=b"<CompleteMultipartUploadResult><ETag>&quot;e-2&quot;</ETag></CompleteMultipartUploadResult>")
HASTY = Patience(whole=3.0, silence=0.5, connecting=0.5, first_pause=0.01, longest_pause=0.05)


def summed(content: bytes) -> str:
    return crc32_text(zlib.crc32(content))


def part(content: bytes, claimed: str = "") -> Reply:
    return Reply(headers={"ETag": '"p"', "x-amz-checksum-crc32": claimed or summed(content)})


def test_a_completion_says_the_sum_of_each_part_that_was_sent_last(
    scripted_store: Store, scripted: ScriptedHttp
) -> None:
    bucket = Bucket(scripted_store)
    scripted.answers(BEGUN, part(b"one"), part(b"old"), part(b"two"), DONE)
    upload = bucket.begin_upload("big")
    etags = [bucket.put_part("big", upload, 1, b"one")]
    bucket.put_part("big", upload, 2, b"old")
    etags.append(bucket.put_part("big", upload, 2, b"two"))
    bucket.complete_upload("big", upload, etags)
    begun, first, _, second, completed = scripted.asked
    assert begun.headers["x-amz-checksum-algorithm"] == "CRC32"
    assert first.headers["x-amz-checksum-crc32"] == summed(b"one")
    assert second.headers["x-amz-checksum-crc32"] == summed(b"two")
    assert not any("content-md5" in asked.headers for asked in scripted.asked)
    told = [one.findtext("ChecksumCRC32") for one in documents.root_of(completed.body)]
    assert told == [summed(b"one"), summed(b"two")]


def test_a_part_that_arrived_otherwise_is_sent_again(scripted_store: Store, scripted: ScriptedHttp) -> None:
    bucket = Bucket(scripted_store, patience=HASTY)
    scripted.answers(BEGUN, part(b"one", claimed=summed(b"another")), part(b"one"))
    bucket.put_part("big", bucket.begin_upload("big"), 1, b"one")
    assert [asked.body for asked in scripted.asked[1:]] == [b"one", b"one"]


def test_a_part_that_always_arrives_otherwise_is_damaged(scripted_store: Store, scripted: ScriptedHttp) -> None:
    bucket = Bucket(scripted_store, patience=HASTY)
    scripted.answers(BEGUN, *[part(b"one", claimed=summed(b"another"))] * 50)
    upload = bucket.begin_upload("big")
    with pytest.raises(Damaged):
        bucket.put_part("big", upload, 1, b"one")


@pytest.mark.parametrize(("checksum", "has_md5"), [("md5", True), ("none", False)])
def test_a_store_without_crc32_is_sent_none(
    scripted_store: Store, scripted: ScriptedHttp, checksum: Checksum, *, has_md5: bool
) -> None:
    bucket = Bucket(replace(scripted_store, checksum=checksum))
    scripted.answers(BEGUN, part(b"one", claimed="ignored"), DONE)
    upload = bucket.begin_upload("big")
    bucket.complete_upload("big", upload, [bucket.put_part("big", upload, 1, b"one")])
    assert not any(name.startswith("x-amz-checksum") for asked in scripted.asked for name in asked.headers)
    assert ("content-md5" in scripted.asked[1].headers) is has_md5
    assert b"Checksum" not in scripted.asked[2].body


def test_the_oldest_upload_is_forgotten_when_there_are_too_many() -> None:
    begun = BegunUploads(most=2)
    for name in ("a", "b", "c"):
        begun.add(name, "token of " + name)
        begun.was_sent(name, 1, "sum of " + name)
    assert [begun.token(name) for name in "abc"] == ["", "token of b", "token of c"]
    assert [dict(begun.sums(name)) for name in "abc"] == [{}, {1: "sum of b"}, {1: "sum of c"}]


def test_an_upload_of_somebody_else_has_neither_token_nor_sums() -> None:
    begun = BegunUploads()
    begun.was_sent("theirs", 1, "sum")
    begun.add("ours", "token")
    begun.forget("ours")
    begun.forget("ours")
    assert (begun.token("theirs"), dict(begun.sums("theirs"))) == ("", {})
    assert (begun.token("ours"), dict(begun.sums("ours"))) == ("", {})


def test_a_page_that_is_no_completion_is_not_taken_for_one(scripted_store: Store, scripted: ScriptedHttp) -> None:
    bucket = Bucket(scripted_store, patience=HASTY)
    scripted.answers(BEGUN, part(b"one"), Reply(body=b"<html>welcome</html>"), DONE)
    upload = bucket.begin_upload("big")
    assert bucket.complete_upload("big", upload, [bucket.put_part("big", upload, 1, b"one")]) == '"e-2"'
