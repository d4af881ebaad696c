"""Buckets as another client of the local cloud sees them."""

import asyncio
from typing import Any

import pytest
from botocore.exceptions import ClientError

from s4_aws.buckets import Buckets, BucketTakenBySomebodyElse, BucketUnproved, Measure, ObjectsRemain
from s4_aws.clients import Clients, Regions
from s4_aws.sessions import Sessions
from s4_aws.trouble import AwsRefused, QuotaReached
from s4_runtime import new_id
from support.grid_cloud import REGION, Cloud

TAGS = {"s4:deployment": "test", "s4:grid": "grid"}


@pytest.fixture
def name(deployment: str) -> str:
    return f"s4-{deployment}-{new_id()}"


@pytest.fixture
def buckets(clients: Clients) -> Buckets:
    return Buckets(clients.s3, REGION)


@pytest.fixture
async def made(buckets: Buckets, name: str) -> str:
    """The name of a bucket that is there."""
    await buckets.ensure(name, TAGS)
    return name


async def test_a_bucket_is_closed_to_the_public_encrypted_and_keeps_no_old_versions(made: str, cloud: Cloud) -> None:
    s3 = cloud.client("s3")

    assert set(s3.get_public_access_block(Bucket=made)["PublicAccessBlockConfiguration"].values()) == {True}
    (rule,) = s3.get_bucket_encryption(Bucket=made)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert "Status" not in s3.get_bucket_versioning(Bucket=made)
    assert {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=made)["TagSet"]} == TAGS


async def test_uploads_that_nobody_finished_are_ended_by_the_bucket_after_two_days_and_nothing_else_is(
    buckets: Buckets, made: str, cloud: Cloud
) -> None:
    await buckets.ensure(made, TAGS)

    (rule,) = cloud.client("s3").get_bucket_lifecycle_configuration(Bucket=made)["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}
    assert (rule["Status"], rule["Filter"]) == ("Enabled", {"Prefix": ""})
    assert rule.keys() == {"ID", "Status", "Filter", "AbortIncompleteMultipartUpload"}


async def test_proving_a_bucket_leaves_nothing_in_it(made: str, cloud: Cloud) -> None:
    assert "Contents" not in cloud.client("s3").list_objects_v2(Bucket=made)


async def test_a_bucket_that_is_made_twice_keeps_what_is_in_it(buckets: Buckets, made: str, cloud: Cloud) -> None:
    cloud.client("s3").put_object(Bucket=made, Key="shares/aa/share", Body=b"a share")
    await buckets.ensure(made, TAGS)

    assert cloud.client("s3").get_object(Bucket=made, Key="shares/aa/share")["Body"].read() == b"a share"


async def test_a_bucket_that_keeps_old_versions_is_not_taken(buckets: Buckets, made: str, cloud: Cloud) -> None:
    cloud.client("s3").put_bucket_versioning(Bucket=made, VersioningConfiguration={"Status": "Enabled"})

    with pytest.raises(BucketUnproved):
        await buckets.ensure(made, TAGS)


async def test_a_bucket_can_be_made_outside_the_default_region(regions: Regions, name: str, cloud: Cloud) -> None:
    there = await regions.of("eu-central-1")
    for _ in range(2):
        await Buckets(there.s3, "eu-central-1").ensure(name, TAGS)

    assert cloud.client("s3").get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-central-1"


async def test_somebody_elses_bucket_is_not_used(buckets: Buckets, name: str, cloud: Cloud) -> None:
    cloud.client_of_somebody_else("s3").create_bucket(Bucket=name)

    with pytest.raises(BucketTakenBySomebodyElse, match=name):
        await buckets.ensure(name, TAGS)


async def test_more_buckets_than_the_account_may_have_are_for_a_person(
    buckets: Buckets, name: str, cloud: Cloud
) -> None:
    quota = {"service": "s3", "code": "L-DC2B2D3D"}
    cloud.control("PUT", "/quotas", quota | {"value": 0})
    try:
        with pytest.raises(QuotaReached, match="TooManyBuckets"):
            await buckets.ensure(name, TAGS)
    finally:
        cloud.control("PUT", "/quotas", quota | {"value": None})


async def test_a_bucket_is_emptied_page_by_page_and_deleted_and_that_can_be_done_again(
    clients: Clients, made: str, cloud: Cloud
) -> None:
    few = Buckets(clients.s3, REGION, page=2)
    keys = [f"shares/aa/{number}" for number in range(5)] + ["shares/ü & <b>?"]
    for key in keys:
        cloud.client("s3").put_object(Bucket=made, Key=key, Body=b"a share")
        cloud.client("s3").create_multipart_upload(Bucket=made, Key=key)

    found: list[str] = []
    while page := await few.first_keys(made):
        assert len(page) <= 2
        found += page
        for _ in range(2):
            await few.delete_objects(made, page)
    for _ in range(2):
        await few.abort_uploads(made)
        await few.delete(made)

    assert found == keys
    assert not await few.exists(made)
    assert await few.first_keys(made) == []
    assert await few.first_versions(made) == []


async def test_deleting_nothing_is_no_request(buckets: Buckets, made: str, cloud: Cloud) -> None:
    await asyncio.to_thread(cloud.calls)
    await buckets.delete_objects(made, [])
    await buckets.delete_versions(made, [])

    assert await asyncio.to_thread(cloud.calls) == {}


async def test_old_versions_and_marks_of_deletion_are_removed_too(clients: Clients, made: str, cloud: Cloud) -> None:
    s3, few = cloud.client("s3"), Buckets(clients.s3, REGION, page=3)
    s3.put_object(Bucket=made, Key="from-before", Body=b"0")
    s3.put_bucket_versioning(Bucket=made, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(3):
        s3.put_object(Bucket=made, Key="share", Body=b"1")
        s3.delete_object(Bucket=made, Key="share")
    assert await few.first_keys(made) == ["from-before"]
    with pytest.raises(ObjectsRemain):
        await few.delete(made)

    pages = 0
    while page := await few.first_versions(made):
        pages += 1
        for _ in range(2):
            await few.delete_versions(made, page)
    await few.delete(made)

    assert pages >= 3
    assert not await few.exists(made)


async def test_a_bucket_in_which_something_is_left_is_not_deleted(buckets: Buckets, made: str, cloud: Cloud) -> None:
    cloud.client("s3").put_object(Bucket=made, Key="late", Body=b"a share")

    with pytest.raises(ObjectsRemain, match="bucket-not-empty"):
        await buckets.delete(made)

    assert await buckets.first_keys(made) == ["late"]


async def test_a_bucket_that_was_not_empty_and_cannot_be_looked_at_is_not_said_to_be_gone() -> None:
    class Expired:
        async def delete_bucket(self, **_request: object) -> None:
            raise ClientError({"Error": {"Code": "BucketNotEmpty"}}, "DeleteBucket")

        async def head_bucket(self, **_request: object) -> None:
            raise ClientError({"Error": {"Code": "403"}}, "HeadBucket")

    with pytest.raises(AwsRefused):
        await Buckets(Expired(), REGION).delete("a-bucket")


async def test_objects_that_s3_could_not_delete_are_trouble() -> None:
    refusal = {"Key": "a", "Code": "InternalError", "Message": "We encountered an internal error."}

    class OfTwoMinds:
        async def delete_objects(self, **_request: object) -> dict[str, object]:
            return {"Errors": [refusal]}

    with pytest.raises(ObjectsRemain, match="objects-not-deleted"):
        await Buckets(OfTwoMinds(), REGION).delete_objects("a-bucket", ["a", "b"])


async def test_uploads_that_nobody_can_end_do_not_keep_us_for_ever() -> None:
    class Stubborn:
        """Lists the same upload whatever is done about it."""

        def __init__(self) -> None:
            self.aborted = 0

        def get_paginator(self, _name: str) -> Any:
            return self

        async def paginate(self, **_request: object) -> Any:
            for _ in range(3):
                yield {"Uploads": [{"Key": "a", "UploadId": "1"}]}

        async def list_multipart_uploads(self, **_request: object) -> dict[str, Any]:
            return {"Uploads": [{"Key": "a", "UploadId": "1"}]}

        async def abort_multipart_upload(self, **_request: object) -> None:
            self.aborted += 1

    stubborn = Stubborn()
    with pytest.raises(ObjectsRemain, match="uploads-remain"):
        await Buckets(stubborn, REGION).abort_uploads("a-bucket")

    assert stubborn.aborted == 3


async def test_a_bucket_is_measured_through_all_of_its_pages(clients: Clients, made: str, cloud: Cloud) -> None:
    few = Buckets(clients.s3, REGION, page=4)
    for number in range(7):
        cloud.client("s3").put_object(Bucket=made, Key=f"{number}", Body=b"12345")

    assert await few.measure(made) == Measure(7, 35, is_whole=True)
    assert await few.measure(made, at_most_pages=1) == Measure(4, 20, is_whole=False)
    assert await few.measure(made, at_most_pages=2) == Measure(7, 35, is_whole=True)
    assert await few.holds(made, 35)
    assert not await few.holds(made, 36)


@pytest.fixture
async def role(sessions: Sessions, deployment: str) -> str:
    """The role of the deployment: S3 takes no policy about somebody who is not there."""
    return await sessions.ensure_role(f"s4-{deployment}-grids", (f"s4-{deployment}-*",), TAGS)


async def test_a_bucket_that_nobody_denied_is_not_denied(buckets: Buckets, made: str, role: str) -> None:
    assert not await buckets.denied(made, role)


async def test_denying_and_admitting_are_seen(buckets: Buckets, made: str, role: str) -> None:
    await buckets.deny(made, role)
    denied = await buckets.denied(made, role), await buckets.denied(made, f"{role}-of-others")
    await buckets.admit(made)

    assert denied == (True, False)
    assert not await buckets.denied(made, role)


async def test_a_bucket_that_is_gone_is_as_good_as_denied(buckets: Buckets, name: str, role: str) -> None:
    await buckets.deny(name, role)
    await buckets.admit(name)

    assert await buckets.denied(name, role)
    assert not await buckets.exists(name)
