"""What every S3 server does for us: one class of tests, against three servers that nobody of us wrote alike."""

import secrets
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s4_node.s3.bucket import Bucket
from s4_node.s3.capabilities import probe
from s4_node.s3.errors import ConditionFailed, Missing, OutOfRange
from s4_node.s3.values import Absent, FileSlice, Unchanged

MIB = 2**20
every_server = pytest.mark.parametrize("bucket", ["double", "moto", "juicefs"], indirect=True)
conditional_servers = pytest.mark.parametrize("bucket", ["double", "moto"], indirect=True)
verifying_servers = pytest.mark.parametrize("bucket", ["double", "juicefs"], indirect=True)
ODD_KEYS = ["a b", "a+b", "a%20b", "100%", "~tilde", "ümlaut/ß", "日本", "a&b=c", "quo'te\"s", "semi;colon", "a,b!(c)*"]


@every_server
class TestAnyStore:
    def test_what_is_put_is_got(self, bucket: Bucket) -> None:
        etag = bucket.put("shares/ab/0", b"a share")
        found = bucket.get("shares/ab/0")
        assert (found.body, found.size, found.etag) == (b"a share", 7, etag)
        assert abs(found.modified - datetime.now(UTC)) < timedelta(minutes=1)

    @pytest.mark.parametrize("body", [b"", bytearray(b"array"), memoryview(b"views").cast("B")[1:4]], ids=type)
    def test_any_bytes_are_a_body(self, bucket: Bucket, body: bytes | bytearray | memoryview) -> None:
        bucket.put("one", body)
        assert bucket.get("one").body == bytes(body)

    def test_a_slice_of_a_file_is_a_body(self, bucket: Bucket, tmp_path: Path) -> None:
        (tmp_path / "spool").write_bytes(content := secrets.token_bytes(MIB))
        bucket.put("one", FileSlice(tmp_path / "spool", 1000, 700_000))
        assert bucket.get("one").body == content[1000:701_000]

    @pytest.mark.parametrize(("start", "end"), [(0, 4), (3, 7), (5, None), (8, 100), (0, None), (9, 10)])
    def test_a_range_is_the_bytes_from_start_to_before_end(self, bucket: Bucket, start: int, end: int | None) -> None:
        bucket.put("one", b"0123456789")
        found = bucket.get("one", start, end)
        assert (found.body, found.size) == (b"0123456789"[start:end], 10)

    def test_an_empty_range_is_no_bytes_and_the_size(self, bucket: Bucket) -> None:
        bucket.put("one", b"0123456789")
        assert (bucket.get("one", 4, 4).body, bucket.get("one", 4, 4).size) == (b"", 10)

    def test_a_range_behind_the_end_is_refused(self, bucket: Bucket) -> None:
        bucket.put("one", b"0123456789")
        with pytest.raises(OutOfRange):
            bucket.get("one", 10, 20)

    def test_what_is_not_there_is_missing(self, bucket: Bucket) -> None:
        for ask in (bucket.get, bucket.head):
            with pytest.raises(Missing):
                ask("never-written")

    def test_a_head_tells_size_and_etag(self, bucket: Bucket) -> None:
        etag = bucket.put("one", b"0123456789")
        assert (bucket.head("one").key, bucket.head("one").size, bucket.head("one").etag) == ("one", 10, etag)

    def test_only_a_changed_object_is_got_again(self, bucket: Bucket) -> None:
        etag = bucket.put("one", b"first")
        assert bucket.get_if_changed("one", etag) is None
        bucket.put("one", b"second")
        changed = bucket.get_if_changed("one", etag)
        assert changed is not None
        assert changed.body == b"second"

    def test_a_get_of_a_changed_object_fails(self, bucket: Bucket) -> None:
        etag = bucket.put("one", b"first")
        assert bucket.get("one", 0, 3, etag=etag).body == b"fir"
        bucket.put("one", b"second")
        with pytest.raises(ConditionFailed):
            bucket.get("one", 0, 3, etag=etag)
        with pytest.raises(ConditionFailed):
            bucket.get("one", 3, 3, etag=etag)

    def test_what_is_deleted_is_gone_and_may_be_deleted_again(self, bucket: Bucket) -> None:
        bucket.put("one", b"first")
        for _ in range(2):
            bucket.delete("one")
        assert not list(bucket.list(""))

    def test_many_are_deleted_at_once_whatever_their_names(self, bucket: Bucket) -> None:
        names = ["a&b", "<c>", "d", "with space"]
        for name in [*names, "stays"]:
            bucket.put(name, b"")
        bucket.delete_many([*names, "never-written"])
        assert [found.key for found in bucket.list("")] == ["stays"]

    def test_a_listing_has_every_page_and_only_the_prefix(self, bucket: Bucket) -> None:
        for number in range(7):
            bucket.put(f"shares/ab/{number}", b"x" * number)
        bucket.put("leases/ab", b"")
        first, after = bucket.list_page("shares/", limit=3)
        second, after_second = bucket.list_page("shares/", after or "", limit=3)
        last, end = bucket.list_page("shares/", after_second or "", limit=3)
        assert [found.size for found in first + second + last] == list(range(7))
        assert end is None
        assert [found.key for found in bucket.list("shares/", after="shares/ab/4")] == ["shares/ab/5", "shares/ab/6"]
        assert not list(bucket.list("no-such/"))

    def test_a_listing_agrees_with_a_head(self, bucket: Bucket) -> None:
        bucket.put("one", b"0123456789")
        [found], head = list(bucket.list("one")), bucket.head("one")
        assert (found.key, found.size, found.etag) == (head.key, head.size, head.etag)
        assert abs(found.modified - head.modified) < timedelta(seconds=2)

    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_odd_keys_are_signed_listed_and_read_as_they_are(self, bucket: Bucket, key: str) -> None:
        bucket.put(key, b"odd")
        assert [found.key for found in bucket.list(key)] == [key]
        assert bucket.get(key).body == b"odd"
        bucket.delete(key)
        assert not list(bucket.list(""))

    def test_parts_become_one_object(self, bucket: Bucket, tmp_path: Path) -> None:
        (tmp_path / "spool").write_bytes(content := secrets.token_bytes(5 * MIB + 1000))
        upload = bucket.begin_upload("big")
        first = bucket.put_part("big", upload, 1, FileSlice(tmp_path / "spool", 0, 5 * MIB))
        second = bucket.put_part("big", upload, 2, content[5 * MIB :])
        assert not list(bucket.list(""))
        etag = bucket.complete_upload("big", upload, [first, second])
        found = bucket.get("big")
        assert (zlib.crc32(found.body), found.size, found.etag) == (zlib.crc32(content), len(content), etag)
        assert bucket.get("big", 5 * MIB - 10, 5 * MIB + 10).body == content[5 * MIB - 10 : 5 * MIB + 10]

    def test_an_aborted_upload_is_gone_and_may_be_aborted_again(self, bucket: Bucket) -> None:
        upload = bucket.begin_upload("big")
        bucket.put_part("big", upload, 1, b"part")
        for _ in range(2):
            bucket.abort_upload("big", upload)
        bucket.put("big", b"whole")
        assert [found.key for found in bucket.list("")] == ["big"]


@conditional_servers
class TestAConditionalStore:
    def test_only_the_first_writes_if_absent(self, bucket: Bucket) -> None:
        bucket.put("one", b"first", only_if=Absent())
        with pytest.raises(ConditionFailed):
            bucket.put("one", b"second", only_if=Absent())
        assert bucket.get("one").body == b"first"

    def test_only_who_knows_the_etag_replaces(self, bucket: Bucket) -> None:
        old = bucket.put("one", b"first")
        new = bucket.put("one", b"second", only_if=Unchanged(old))
        with pytest.raises(ConditionFailed):
            bucket.put("one", b"third", only_if=Unchanged(old))
        assert bucket.head("one").etag == new

    def test_what_was_deleted_is_not_replaced(self, bucket: Bucket) -> None:
        etag = bucket.put("one", b"first")
        bucket.delete("one")
        with pytest.raises(ConditionFailed):
            bucket.put("one", b"second", only_if=Unchanged(etag))

    def test_only_who_knows_the_etag_deletes(self, bucket: Bucket) -> None:
        old = bucket.put("one", b"first")
        new = bucket.put("one", b"second")
        with pytest.raises(ConditionFailed):
            bucket.delete("one", only_if=Unchanged(old))
        bucket.delete("one", only_if=Unchanged(new))
        assert not list(bucket.list(""))

    def test_only_the_first_upload_completes(self, bucket: Bucket) -> None:
        uploads = [bucket.begin_upload("big") for _ in range(2)]
        parts = [bucket.put_part("big", upload, 1, upload.encode()) for upload in uploads]
        bucket.complete_upload("big", uploads[0], parts[:1], only_if=Absent())
        with pytest.raises(ConditionFailed) as failed:
            bucket.complete_upload("big", uploads[1], parts[1:], only_if=Absent())
        assert failed.value.status == 412
        assert bucket.get("big").body == uploads[0].encode()

    def test_pending_uploads_are_listed(self, bucket: Bucket) -> None:
        begun = {bucket.begin_upload(f"shares/{number}") for number in range(3)}
        bucket.begin_upload("other")
        pending = list(bucket.uploads("shares/"))
        assert {one.upload for one in pending} == begun
        assert sorted(one.key for one in pending) == ["shares/0", "shares/1", "shares/2"]
        assert all(one.begun.tzinfo is UTC for one in pending)

    def test_the_bucket_tells_of_itself(self, bucket: Bucket) -> None:
        assert bucket.location() == "us-east-1"
        assert bucket.versioning() is False
        lifecycle = bucket.lifecycle()
        assert lifecycle is not None
        assert lifecycle.abort_days is None

    def test_the_probe_finds_that_conditions_hold_and_leaves_nothing(self, bucket: Bucket) -> None:
        found = probe(bucket)
        assert found.allows_two_writers
        assert (found.conditional_put, found.conditional_replace, found.conditional_complete) == (True, True, True)
        assert (found.versioned, found.region) == (False, "us-east-1")
        assert not list(bucket.list(""))
        assert not list(bucket.uploads(""))


@verifying_servers
def test_an_aborted_upload_is_missing(bucket: Bucket) -> None:
    upload = bucket.begin_upload("big")
    part = bucket.put_part("big", upload, 1, b"part")
    bucket.abort_upload("big", upload)
    with pytest.raises(Missing):
        bucket.put_part("big", upload, 2, b"part")
    with pytest.raises(Missing):
        bucket.complete_upload("big", upload, [part])


@pytest.mark.parametrize("bucket", ["juicefs"], indirect=True)
def test_the_probe_finds_a_store_that_ignores_conditions(bucket: Bucket) -> None:
    found = probe(bucket)
    assert (found.conditional_put, found.conditional_replace, found.conditional_complete) == (False, False, False)
    assert not found.allows_two_writers
    assert not list(bucket.list(""))


@verifying_servers
@given(key=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=40))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_key_the_signature_is_right(bucket: Bucket, key: str) -> None:
    whole = "k" + key.replace("/", "_").replace("\\", "_")  # what a file system would not hold is not ours to test
    bucket.put(whole, b"odd")
    assert bucket.get(whole).body == b"odd"
    assert whole in {found.key for found in bucket.list(whole)}
    bucket.delete(whole)
