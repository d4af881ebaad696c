"""What a session of the one role may do, with policies enforced: everything in its bucket, and nothing else."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from s4_aws.buckets import Buckets
from s4_aws.clients import Clients
from s4_aws.sessions import LONGEST, SHORTEST, RoleNotVisible, Session, Sessions
from s4_aws.trouble import AwsRefused
from s4_runtime import SystemClock, new_id
from s4_runtime.testing import ManualClock
from support.grid_cloud import REGION, Cloud

TAGS = {"s4:deployment": "test"}


class Pair:
    """Two buckets of one deployment, and a session for each."""

    def __init__(self, deployment: str, clients: Clients, sessions: Sessions) -> None:
        self.mine, self.other = f"s4-{deployment}-{new_id()}", f"s4-{deployment}-{new_id()}"
        self.role_name = f"s4-{deployment}-grids"
        self.buckets = Buckets(clients.s3, REGION)
        self._deployment, self._sessions = deployment, sessions

    async def begin(self) -> None:
        self.role = await self._sessions.ensure_role(self.role_name, (f"s4-{self._deployment}-*",), TAGS)
        for bucket in (self.mine, self.other):
            await self.buckets.ensure(bucket, TAGS)
        self.session = await self._sessions.session(self.role, self.mine, "grid-a")
        self.session_of_other = await self._sessions.session(self.role, self.other, "grid-b")


@pytest.fixture
async def pair(deployment: str, clients: Clients, sessions: Sessions) -> Pair:
    pair = Pair(deployment, clients, sessions)
    await pair.begin()
    return pair


@contextmanager
def holding(cloud: Cloud, session: Session) -> Iterator[Callable[[str], Any]]:
    """Clients of whoever has the session, while policies are enforced."""
    made: list[Any] = []

    def client(service: str) -> Any:
        made.append(
            boto3.client(
                service,
                region_name=REGION,
                endpoint_url=cloud.endpoint,
                aws_access_key_id=session.access_key_id,
                aws_secret_access_key=session.secret_access_key.reveal(),
                aws_session_token=session.session_token.reveal(),
                config=Config(retries={"total_max_attempts": 1}),
            )
        )
        return made[-1]

    with cloud.enforcing():
        try:
            yield client
        finally:
            for each in made:
                each.close()


def refused(call: Callable[[], object]) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied|Forbidden|403|UnauthorizedOperation"):
        call()


async def test_a_session_may_do_all_that_a_storage_node_does_in_its_bucket(pair: Pair, cloud: Cloud) -> None:
    part, at = b"x" * 5 * 2**20, {"Bucket": pair.mine, "Key": "shares/aa/large"}
    with holding(cloud, pair.session) as client:
        s3 = client("s3")
        s3.put_object(Bucket=pair.mine, Key="shares/aa/small", Body=b"share", IfNoneMatch="*")
        assert s3.get_object(Bucket=pair.mine, Key="shares/aa/small", Range="bytes=1-2")["Body"].read() == b"ha"
        assert s3.head_object(Bucket=pair.mine, Key="shares/aa/small")["ContentLength"] == 5
        upload = s3.create_multipart_upload(**at)["UploadId"]
        etag = s3.upload_part(**at, UploadId=upload, PartNumber=1, Body=part)["ETag"]
        parts = {"Parts": [{"ETag": etag, "PartNumber": 1}]}
        s3.complete_multipart_upload(**at, UploadId=upload, MultipartUpload=parts)
        s3.abort_multipart_upload(**at, UploadId=s3.create_multipart_upload(**at)["UploadId"])
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=pair.mine)
        assert s3.list_objects_v2(Bucket=pair.mine, Prefix="shares/")["KeyCount"] == 2
        s3.delete_object(Bucket=pair.mine, Key="shares/aa/small")
        s3.delete_objects(Bucket=pair.mine, Delete={"Objects": [{"Key": "shares/aa/large"}]})
        s3.get_bucket_location(Bucket=pair.mine)
        s3.get_bucket_versioning(Bucket=pair.mine)
        s3.get_bucket_lifecycle_configuration(Bucket=pair.mine)


async def test_a_session_of_one_grid_cannot_touch_the_bucket_of_another(pair: Pair, cloud: Cloud) -> None:
    cloud.client("s3").put_object(Bucket=pair.other, Key="share", Body=b"theirs")
    with holding(cloud, pair.session) as client:
        s3 = client("s3")
        for call in (
            partial(s3.put_object, Bucket=pair.other, Key="x", Body=b"x"),
            partial(s3.get_object, Bucket=pair.other, Key="share"),
            partial(s3.delete_object, Bucket=pair.other, Key="share"),
            partial(s3.list_objects_v2, Bucket=pair.other),
            partial(s3.create_multipart_upload, Bucket=pair.other, Key="x"),
            partial(s3.copy_object, Bucket=pair.mine, Key="x", CopySource=f"{pair.other}/share"),
            partial(s3.get_bucket_location, Bucket=pair.other),
        ):
            refused(call)


async def test_a_session_can_change_nothing_about_its_own_bucket(pair: Pair, cloud: Cloud) -> None:
    with holding(cloud, pair.session) as client:
        s3 = client("s3")
        for call in (
            partial(s3.delete_bucket, Bucket=pair.mine),
            partial(s3.put_bucket_versioning, Bucket=pair.mine, VersioningConfiguration={"Status": "Enabled"}),
            partial(s3.delete_bucket_lifecycle, Bucket=pair.mine),
            partial(s3.put_bucket_policy, Bucket=pair.mine, Policy="{}"),
            partial(s3.delete_bucket_policy, Bucket=pair.mine),
            partial(s3.delete_public_access_block, Bucket=pair.mine),
        ):
            refused(call)


async def test_a_session_can_use_no_other_part_of_aws(pair: Pair, cloud: Cloud) -> None:
    with holding(cloud, pair.session) as client:
        ec2, iam, sts, route53, s3 = (client(name) for name in ("ec2", "iam", "sts", "route53", "s3"))
        for call in (
            ec2.describe_instances,
            partial(ec2.terminate_instances, InstanceIds=["i-0123456789abcdef0"]),
            iam.list_roles,
            partial(iam.get_role, RoleName=pair.role_name),
            partial(iam.create_user, UserName="somebody"),
            partial(sts.assume_role, RoleArn=pair.role, RoleSessionName="again"),
            route53.list_hosted_zones,
            s3.list_buckets,
            partial(s3.create_bucket, Bucket=f"s4-{new_id()}"),
        ):
            refused(call)


async def test_a_bucket_that_is_denied_ends_sessions_that_are_out_and_new_ones(
    pair: Pair, sessions: Sessions, cloud: Cloud
) -> None:
    for _ in range(2):
        await pair.buckets.deny(pair.mine, pair.role)
    assert await pair.buckets.denied(pair.mine, pair.role)
    later = await sessions.session(pair.role, pair.mine, "grid-a")

    for session in (pair.session, later):
        with holding(cloud, session) as client:
            refused(partial(client("s3").put_object, Bucket=pair.mine, Key="x", Body=b"x"))
            refused(partial(client("s3").list_objects_v2, Bucket=pair.mine))


async def test_a_bucket_that_is_denied_does_not_end_the_sessions_of_others(pair: Pair, cloud: Cloud) -> None:
    await pair.buckets.deny(pair.mine, pair.role)

    with holding(cloud, pair.session_of_other) as client:
        client("s3").put_object(Bucket=pair.other, Key="x", Body=b"x")


async def test_we_can_still_empty_a_bucket_that_is_denied(pair: Pair, cloud: Cloud) -> None:
    cloud.client("s3").put_object(Bucket=pair.mine, Key="share", Body=b"x")
    await pair.buckets.deny(pair.mine, pair.role)
    await pair.buckets.delete_versions(pair.mine, await pair.buckets.first_versions(pair.mine))
    await pair.buckets.delete(pair.mine)

    assert not await pair.buckets.exists(pair.mine)
    assert await pair.buckets.denied(pair.mine, pair.role)


async def test_a_bucket_that_is_admitted_again_can_be_used_again(pair: Pair, cloud: Cloud) -> None:
    await pair.buckets.deny(pair.mine, pair.role)
    for _ in range(2):
        await pair.buckets.admit(pair.mine)

    assert not await pair.buckets.denied(pair.mine, pair.role)
    with holding(cloud, pair.session) as client:
        client("s3").put_object(Bucket=pair.mine, Key="x", Body=b"x")


async def test_a_session_ends_by_itself(pair: Pair, sessions: Sessions) -> None:
    short = await sessions.session(pair.role, pair.mine, "grid-a", SHORTEST)

    assert timedelta(minutes=14) < short.expires_at - datetime.now(UTC) <= timedelta(minutes=15)
    assert timedelta(minutes=59) < pair.session.expires_at - datetime.now(UTC) <= LONGEST


async def test_a_session_does_not_show_itself(pair: Pair) -> None:
    told = f"{pair.session} {pair.session!r}"

    assert pair.session.secret_access_key.reveal() not in told
    assert pair.session.session_token.reveal() not in told


async def test_a_session_that_would_be_too_short_or_too_long_is_refused(pair: Pair, sessions: Sessions) -> None:
    for lasting in (timedelta(minutes=5), timedelta(hours=2)):
        with pytest.raises(AwsRefused, match="Validation"):
            await sessions.session(pair.role, pair.mine, "grid-a", lasting)


@pytest.mark.parametrize("name", ["", "x", "a grid", "a/b", "x" * 65])
async def test_a_name_that_sts_does_not_take_is_not_sent(sessions: Sessions, name: str) -> None:
    with pytest.raises(AwsRefused, match="session-name-unusable"):
        await sessions.session("arn:aws:iam::123456789012:role/s4/nobody", "bucket", name)


async def test_the_role_is_made_once_however_often_and_by_however_many(
    sessions: Sessions, cloud: Cloud, deployment: str
) -> None:
    name = f"s4-{deployment}-grids"
    arns = await asyncio.gather(*(sessions.ensure_role(name, (f"s4-{deployment}-*",), TAGS) for _ in range(4)))

    assert len(set(arns)) == 1
    assert cloud.roles(deployment) == [name]
    role = cloud.client("iam").get_role(RoleName=name)["Role"]
    account = await sessions.account()
    assert [each["Principal"] for each in role["AssumeRolePolicyDocument"]["Statement"]] == [
        {"AWS": f"arn:aws:iam::{account}:root"}
    ]
    assert {tag["Key"]: tag["Value"] for tag in role["Tags"]} == TAGS


async def test_what_somebody_changed_about_the_role_is_put_right(
    sessions: Sessions, cloud: Cloud, deployment: str
) -> None:
    name, iam = f"s4-{deployment}-grids", cloud.client("iam")
    await sessions.ensure_role(name, ("the-bucket",), TAGS)
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    trusting = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    iam.put_role_policy(RoleName=name, PolicyName="buckets", PolicyDocument=json.dumps(everything))
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(everything | {"Statement": [trusting]}))
    await sessions.ensure_role(name, ("the-bucket",), TAGS)

    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    statements = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]["Statement"]
    assert {each["Resource"] for each in statements} == {"arn:aws:s3:::the-bucket", "arn:aws:s3:::the-bucket/*"}
    told = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert all(each["Principal"] != {"AWS": "*"} for each in told)


async def test_a_role_that_was_just_made_may_be_unknown_for_a_moment(
    pair: Pair, sessions: Sessions, cloud: Cloud
) -> None:
    cloud.break_next("error", action="AssumeRole", code="AccessDenied", status=403)

    with pytest.raises(RoleNotVisible):
        await sessions.session(pair.role, pair.mine, "grid-a")
    assert (await sessions.session(pair.role, pair.mine, "grid-a")).access_key_id


async def test_a_role_that_is_not_new_and_may_not_be_taken_is_for_a_person(
    pair: Pair, clients: Clients, cloud: Cloud
) -> None:
    later = ManualClock(SystemClock().now() + timedelta(hours=1))
    cloud.break_next("error", action="AssumeRole", code="AccessDenied", status=403)

    with pytest.raises(AwsRefused, match="AccessDenied"):
        await Sessions(clients.sts, clients.iam, later).session(pair.role, pair.mine, "grid-a")


async def test_a_role_that_is_not_there_is_for_a_person(sessions: Sessions, cloud: Cloud) -> None:
    cloud.break_next("error", action="AssumeRole", code="AccessDenied", status=403)

    with pytest.raises(AwsRefused, match="AccessDenied"):
        await sessions.session("arn:aws:iam::123456789012:role/s4/nobody", "bucket", "grid-a")
