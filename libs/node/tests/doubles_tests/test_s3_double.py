"""The S3 double does what S3 does; where moto does it too, both are held to the same tests."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from support.s3_control import S3Control
from support.s3_servers import REGION, Server, start_moto

PART = 5 * 2**20
CRC32_OF_HELLO = "NhCmhg=="


def client_of(server: Server, **more: Any) -> Any:
    once = Config(retries={"total_max_attempts": 1}, read_timeout=20, s3={"addressing_style": "path"})
    keys = {"aws_access_key_id": server.access_key, "aws_secret_access_key": server.secret_key}
    fields = {"region_name": REGION, "endpoint_url": server.endpoint, "config": once, **keys, **more}
    return boto3.client("s3", **fields)


def code_of(error: "pytest.ExceptionInfo[ClientError]") -> tuple[str, int]:
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start_moto(tmp_path_factory.mktemp("moto"))
    yield server
    server.stop()


@pytest.fixture(scope="module", params=["double", "moto"])
def client(request: pytest.FixtureRequest) -> Any:
    return client_of(request.getfixturevalue("s3" if request.param == "double" else "moto"))


@pytest.fixture
def bucket(client: Any) -> str:
    name = f"b-{secrets.token_hex(8)}"
    client.create_bucket(Bucket=name)
    return name


class TestLikeS3:
    def test_an_object_comes_back_with_what_was_said_about_it(self, client: Any, bucket: str) -> None:
        put = client.put_object(
            Bucket=bucket, Key="a/ü +%~", Body=b"hello", ContentType="text/x-share", Metadata={"s4-write": "t1"}
        )
        got = client.get_object(Bucket=bucket, Key="a/ü +%~")
        assert got["Body"].read() == b"hello"
        assert (got["ETag"], got["ContentType"], got["Metadata"]) == (put["ETag"], "text/x-share", {"s4-write": "t1"})
        assert put["ETag"] == f'"{hashlib.md5(b"hello", usedforsecurity=False).hexdigest()}"'
        head = client.head_object(Bucket=bucket, Key="a/ü +%~")
        assert (head["ContentLength"], head["ETag"], head["Metadata"]) == (5, put["ETag"], {"s4-write": "t1"})

    @pytest.mark.parametrize(
        ("asked", "start", "end"),
        [("bytes=2-3", 2, 4), ("bytes=7-", 7, 10), ("bytes=-3", 7, 10), ("bytes=8-99", 8, 10)],
    )
    def test_a_range_is_cut_from_an_object(self, client: Any, bucket: str, asked: str, start: int, end: int) -> None:
        client.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
        got = client.get_object(Bucket=bucket, Key="k", Range=asked)
        assert got["Body"].read() == b"0123456789"[start:end]
        assert got["ContentRange"] == f"bytes {start}-{end - 1}/10"
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206

    def test_a_range_behind_the_end_is_refused(self, client: Any, bucket: str) -> None:
        client.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
        with pytest.raises(ClientError) as error:
            client.get_object(Bucket=bucket, Key="k", Range="bytes=10-")
        assert code_of(error) == ("InvalidRange", 416)

    def test_what_is_not_there_is_missing(self, client: Any, bucket: str) -> None:
        with pytest.raises(ClientError) as error:
            client.get_object(Bucket=bucket, Key="k")
        assert code_of(error) == ("NoSuchKey", 404)
        with pytest.raises(ClientError) as error:
            client.head_object(Bucket=bucket, Key="k")
        assert code_of(error)[1] == 404
        with pytest.raises(ClientError) as error:
            client.get_object(Bucket="b-" + secrets.token_hex(8), Key="k")
        assert code_of(error) == ("NoSuchBucket", 404)
        client.delete_object(Bucket=bucket, Key="k")

    def test_only_the_first_writer_of_an_absent_object_writes(self, client: Any, bucket: str) -> None:
        client.put_object(Bucket=bucket, Key="k", Body=b"first", IfNoneMatch="*")
        with pytest.raises(ClientError) as error:
            client.put_object(Bucket=bucket, Key="k", Body=b"second", IfNoneMatch="*")
        assert code_of(error) == ("PreconditionFailed", 412)
        assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"

    def test_only_the_version_that_was_seen_is_replaced(self, client: Any, bucket: str) -> None:
        first = client.put_object(Bucket=bucket, Key="k", Body=b"first")["ETag"]
        client.put_object(Bucket=bucket, Key="k", Body=b"second", IfMatch=first)
        with pytest.raises(ClientError) as error:
            client.put_object(Bucket=bucket, Key="k", Body=b"third", IfMatch=first)
        assert code_of(error) == ("PreconditionFailed", 412)
        with pytest.raises(ClientError) as error:
            client.put_object(Bucket=bucket, Key="other", Body=b"third", IfMatch=first)
        assert code_of(error) == ("NoSuchKey", 404)
        with pytest.raises(ClientError) as error:
            client.delete_object(Bucket=bucket, Key="k", IfMatch=first)
        assert code_of(error) == ("PreconditionFailed", 412)
        assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"second"

    def test_a_reader_can_insist_on_a_version_or_on_another(self, client: Any, bucket: str) -> None:
        etag = client.put_object(Bucket=bucket, Key="k", Body=b"first")["ETag"]
        assert client.get_object(Bucket=bucket, Key="k", IfMatch=etag)["Body"].read() == b"first"
        with pytest.raises(ClientError) as error:
            client.get_object(Bucket=bucket, Key="k", IfMatch='"other"')
        assert code_of(error) == ("PreconditionFailed", 412)
        with pytest.raises(ClientError) as error:
            client.get_object(Bucket=bucket, Key="k", IfNoneMatch=etag)
        assert code_of(error)[1] == 304

    def test_parts_become_one_object(self, client: Any, bucket: str) -> None:
        parts = [os.urandom(PART), os.urandom(PART), b"the end"]
        upload, sent = started(client, bucket, parts)
        assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
        assert [one["UploadId"] for one in client.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload]
        done = client.complete_multipart_upload(
            Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": sent}, IfNoneMatch="*"
        )
        sums = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in parts)
        assert done["ETag"] == f'"{hashlib.md5(sums, usedforsecurity=False).hexdigest()}-3"'
        assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"".join(parts)
        across = client.get_object(Bucket=bucket, Key="k", Range=f"bytes={PART - 2}-{PART + 1}")
        assert across["Body"].read() == parts[0][-2:] + parts[1][:2]
        assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)

    def test_an_upload_completes_only_under_its_condition(self, client: Any, bucket: str) -> None:
        upload, sent = started(client, bucket, [b"one"])
        client.put_object(Bucket=bucket, Key="k", Body=b"before")
        with pytest.raises(ClientError) as error:
            client.complete_multipart_upload(
                Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": sent}, IfNoneMatch="*"
            )
        assert code_of(error) == ("PreconditionFailed", 412)
        assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"before"

    def test_small_parts_are_refused_but_for_the_last(self, client: Any, bucket: str) -> None:
        upload, sent = started(client, bucket, [b"small", b"last"])
        with pytest.raises(ClientError) as error:
            client.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": sent})
        assert code_of(error) == ("EntityTooSmall", 400)

    def test_an_aborted_upload_is_gone(self, client: Any, bucket: str) -> None:
        upload, _ = started(client, bucket, [b"one"])
        client.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
        assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)
        assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0

    def test_a_listing_has_every_key_once_in_order_over_pages(self, client: Any, bucket: str) -> None:
        keys = ["a/1", "a/10", "a/2", "a/é", "a/+ %", "a0", "b"]
        for key in keys:
            client.put_object(Bucket=bucket, Key=key, Body=key.encode())
        found: list[tuple[str, int]] = []
        token: dict[str, str] = {}
        while True:
            page = client.list_objects_v2(Bucket=bucket, Prefix="a/", MaxKeys=2, **token)
            found += [(one["Key"], one["Size"]) for one in page.get("Contents", ())]
            if not page["IsTruncated"]:
                break
            token = {"ContinuationToken": page["NextContinuationToken"]}
        assert found == [(key, len(key.encode())) for key in sorted(keys[:5], key=str.encode)]
        after = client.list_objects_v2(Bucket=bucket, StartAfter="a/2")["Contents"]
        assert [one["Key"] for one in after] == ["a/é", "a0", "b"]

    def test_a_listing_can_show_folders(self, client: Any, bucket: str) -> None:
        for key in ("a/1", "a/2", "b/1", "c"):
            client.put_object(Bucket=bucket, Key=key, Body=b"")
        found = client.list_objects_v2(Bucket=bucket, Delimiter="/")
        assert [one["Prefix"] for one in found["CommonPrefixes"]] == ["a/", "b/"]
        assert [one["Key"] for one in found["Contents"]] == ["c"]

    def test_many_are_deleted_at_once(self, client: Any, bucket: str) -> None:
        for key in ("a", "b&<", "c"):
            client.put_object(Bucket=bucket, Key=key, Body=b"")
        client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b&<"}, {"Key": "absent"}]})
        assert [one["Key"] for one in client.list_objects_v2(Bucket=bucket)["Contents"]] == ["c"]

    def test_an_object_is_copied(self, client: Any, bucket: str) -> None:
        client.put_object(Bucket=bucket, Key="a", Body=b"hello")
        client.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
        client.put_object(Bucket=bucket, Key="a", Body=b"other")
        assert client.get_object(Bucket=bucket, Key="b")["Body"].read() == b"hello"

    def test_a_checksum_is_kept_and_told(self, client: Any, bucket: str) -> None:
        client.put_object(Bucket=bucket, Key="k", Body=b"hello", ChecksumAlgorithm="CRC32")
        got = client.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        assert got["ChecksumCRC32"] == CRC32_OF_HELLO

    def test_a_bucket_tells_its_place_versioning_and_lifecycle(self, client: Any, bucket: str) -> None:
        assert client.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
        assert "Status" not in client.get_bucket_versioning(Bucket=bucket)
        with pytest.raises(ClientError) as error:
            client.get_bucket_lifecycle_configuration(Bucket=bucket)
        assert code_of(error) == ("NoSuchLifecycleConfiguration", 404)
        rule = {
            "ID": "parts",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
        }
        client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        found = client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        assert [one["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] for one in found] == [2]
        assert client.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"

    def test_only_an_empty_bucket_goes(self, client: Any, bucket: str) -> None:
        client.put_object(Bucket=bucket, Key="k", Body=b"")
        with pytest.raises(ClientError) as error:
            client.delete_bucket(Bucket=bucket)
        assert code_of(error) == ("BucketNotEmpty", 409)
        client.delete_object(Bucket=bucket, Key="k")
        client.delete_bucket(Bucket=bucket)
        with pytest.raises(ClientError) as error:
            client.head_bucket(Bucket=bucket)
        assert code_of(error)[1] == 404


def started(client: Any, bucket: str, parts: list[bytes]) -> tuple[str, list[dict[str, Any]]]:
    """An upload of `k` whose parts were all sent."""
    upload = client.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="CRC32")["UploadId"]
    sent = []
    for number, part in enumerate(parts, 1):
        answer = client.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=part)
        sent.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": answer["ChecksumCRC32"]})
    return upload, sent


class TestStricterThanMoto:
    """What moto does not check, and S3 does."""

    def test_a_wrong_secret_is_refused(self, s3: Server, bucket_name: str) -> None:
        client = client_of(s3, aws_secret_access_key="wrong")
        with pytest.raises(ClientError) as error:
            client.get_object(Bucket=bucket_name, Key="k")
        assert code_of(error) == ("SignatureDoesNotMatch", 403)

    def test_an_unknown_key_and_no_key_are_refused(self, s3: Server, bucket_name: str) -> None:
        with pytest.raises(ClientError) as error:
            client_of(s3, aws_access_key_id="nobody").get_object(Bucket=bucket_name, Key="k")
        assert code_of(error) == ("InvalidAccessKeyId", 403)
        from botocore import UNSIGNED

        with pytest.raises(ClientError) as error:
            client_of(s3, config=Config(signature_version=UNSIGNED)).get_object(Bucket=bucket_name, Key="k")
        assert code_of(error) == ("AccessDenied", 403)

    def test_keys_expire_are_revoked_and_need_their_token(
        self, s3: Server, bucket_name: str, s3_control: S3Control
    ) -> None:
        s3_control.credential("ROLE", "secret", session_token="token")
        keys = {"aws_access_key_id": "ROLE", "aws_secret_access_key": "secret"}
        client = client_of(s3, **keys, aws_session_token="token")
        client.put_object(Bucket=bucket_name, Key="k", Body=b"hello")
        with pytest.raises(ClientError) as error:
            client_of(s3, **keys, aws_session_token="old").list_buckets()
        assert code_of(error) == ("InvalidToken", 400)
        for state, code in (("expired", ("ExpiredToken", 400)), ("revoked", ("InvalidAccessKeyId", 403))):
            s3_control.credential("ROLE", "secret", session_token="token", state=state)
            with pytest.raises(ClientError) as error:
                client.list_buckets()
            assert code_of(error) == code

    def test_a_region_that_is_not_its_own_is_named(self, s3: Server) -> None:
        with pytest.raises(ClientError) as error:
            client_of(s3, region_name="eu-west-1").list_buckets()
        assert code_of(error) == ("AuthorizationHeaderMalformed", 400)
        assert error.value.response["Error"]["Region"] == REGION

    def test_a_clock_that_is_wrong_is_refused(self, s3: Server, s3_control: S3Control) -> None:
        s3_control.behave(clock_offset_seconds=1000)
        with pytest.raises(ClientError) as error:
            client_of(s3).list_buckets()
        assert code_of(error) == ("RequestTimeTooSkewed", 403)

    def test_bytes_that_are_not_as_their_checksum_says_are_refused(self, s3: Server, bucket_name: str) -> None:
        client = client_of(s3)
        with pytest.raises(ClientError) as error:
            client.put_object(Bucket=bucket_name, Key="k", Body=b"hallo", ChecksumCRC32=CRC32_OF_HELLO)
        assert code_of(error) == ("BadDigest", 400)
        with pytest.raises(ClientError) as error:
            client.put_object(Bucket=bucket_name, Key="k", Body=b"hallo", ContentMD5="XUFAKrxLKna5cZ2REBfFkg==")
        assert code_of(error) == ("BadDigest", 400)
        assert "Contents" not in client.list_objects_v2(Bucket=bucket_name)

    def test_parts_carry_the_checksums_that_were_announced(self, s3: Server, bucket_name: str) -> None:
        client = client_of(s3)
        upload, sent = started(client, bucket_name, [b"one"])
        bare = [{name: one[name] for name in ("PartNumber", "ETag")} for one in sent]
        with pytest.raises(ClientError) as error:
            client.complete_multipart_upload(
                Bucket=bucket_name, Key="k", UploadId=upload, MultipartUpload={"Parts": bare}
            )
        assert code_of(error) == ("InvalidRequest", 400)
        with pytest.raises(ClientError) as error:
            client.upload_part(
                Bucket=bucket_name, Key="k", UploadId=upload, PartNumber=1, Body=b"x", ChecksumAlgorithm="SHA256"
            )
        assert code_of(error) == ("InvalidRequest", 400)

    def test_nothing_more_comes_of_an_upload_that_was_aborted(self, s3: Server, bucket_name: str) -> None:
        client = client_of(s3)
        upload, sent = started(client, bucket_name, [b"one"])
        client.abort_multipart_upload(Bucket=bucket_name, Key="k", UploadId=upload)
        with pytest.raises(ClientError) as error:
            client.upload_part(Bucket=bucket_name, Key="k", UploadId=upload, PartNumber=2, Body=b"two")
        assert code_of(error) == ("NoSuchUpload", 404)
        with pytest.raises(ClientError) as error:
            client.complete_multipart_upload(
                Bucket=bucket_name, Key="k", UploadId=upload, MultipartUpload={"Parts": sent}
            )
        assert code_of(error) == ("NoSuchUpload", 404)

    def test_a_bucket_can_be_named_by_the_host(self, s3: Server, bucket_name: str) -> None:
        client_of(s3).put_object(Bucket=bucket_name, Key="folder/k", Body=b"hello")
        address = s3.endpoint.replace("127.0.0.1", f"{bucket_name}.localhost")
        status, body = s3.request("GET", "/folder/k", endpoint=address)
        assert (status, body) == (200, b"hello")
