"""The instance metadata service, asked from inside a machine."""

import json
import shlex
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.cloud import LocalCloud, code_of, enforced_permissions
from support.login import Keys

Running = Callable[..., Awaitable[dict[str, Any]]]

# Prints the status and the body; the token comes from a PUT unless the path is asked the old way.
ASK = """
import sys, urllib.error, urllib.request as u
base, path, way = "http://169.254.169.254/latest/", sys.argv[1], sys.argv[2]
try:
    headers = {}
    if way == "v2":
        put = u.Request(base + "api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        headers = {"X-aws-ec2-metadata-token": u.urlopen(put).read().decode()}
    if way == "wrong": headers = {"X-aws-ec2-metadata-token": "made-up"}
    if way == "no-ttl":
        u.urlopen(u.Request(base + "api/token", method="PUT"))
    answer = u.urlopen(u.Request(base + path, headers=headers))
    print(answer.status, answer.read().decode(), sep="\\n")
except urllib.error.HTTPError as refused:
    print(refused.code)
"""


@pytest.fixture
def ask(keys: Keys) -> Callable[..., Awaitable[list[str]]]:
    async def asked(address: str, path: str, way: str = "v2") -> list[str]:
        command = f"python3 -c {shlex.quote(ASK)} {path} {way}"
        return (await keys.run(address, 22, command)).split("\n", 1)

    return asked


async def test_a_machine_learns_who_it_is(running: Running, ask: Any) -> None:
    up = await running()
    at = up["PublicIpAddress"]

    document = json.loads((await ask(at, "dynamic/instance-identity/document"))[1])

    assert await ask(at, "meta-data/instance-id") == ["200", up["InstanceId"]]
    assert await ask(at, "meta-data/public-ipv4") == ["200", at]
    assert await ask(at, "meta-data/placement/") == ["200", "availability-zone\nregion"]
    assert await ask(at, "meta-data/no-such-thing") == ["404"]
    assert (document["instanceId"], document["privateIp"]) == (up["InstanceId"], up["PrivateIpAddress"])


async def test_without_a_token_of_its_own_nothing_is_told(running: Running, ask: Any) -> None:
    at = (await running())["PublicIpAddress"]

    assert await ask(at, "meta-data/instance-id", "v1") == ["401"]
    assert await ask(at, "meta-data/instance-id", "wrong") == ["401"]
    assert await ask(at, "meta-data/instance-id", "no-ttl") == ["400"]


async def test_user_data_comes_back_as_it_was_given(running: Running, ask: Any, keys: Keys) -> None:
    given = keys.user_data(runcmd=["true"])
    at = (await running(UserData=given))["PublicIpAddress"]

    assert await ask(at, "user-data") == ["200", given]


async def test_the_role_of_the_instance_profile_gives_credentials_that_work_and_are_limited(
    running: Running, ask: Any, cloud: LocalCloud
) -> None:
    name, bucket = f"role-{uuid.uuid4()}", f"bucket-{uuid.uuid4()}"
    at = (await running(IamInstanceProfile={"Name": a_profile_that_may_write(cloud, name, bucket)}))["PublicIpAddress"]
    found = json.loads((await ask(at, f"meta-data/iam/security-credentials/{name}"))[1])
    theirs = (found["AccessKeyId"], found["SecretAccessKey"], found["Token"])
    cloud.client("s3").create_bucket(Bucket=bucket)

    assert await ask(at, "meta-data/iam/security-credentials/") == ["200", name]
    assert cloud.client("sts", theirs).get_caller_identity()["Arn"].endswith(f"assumed-role/{name}/{up_id(cloud, at)}")
    with enforced_permissions(cloud):
        cloud.client("s3", theirs).put_object(Bucket=bucket, Key="share", Body=b"x")
        with pytest.raises(ClientError) as refused:
            cloud.client("ec2", theirs).describe_instances()
    assert code_of(refused) in {"UnauthorizedOperation", "AccessDenied"}


async def test_an_instance_without_a_profile_has_no_credentials(running: Running, ask: Any) -> None:
    at = (await running())["PublicIpAddress"]

    assert await ask(at, "meta-data/iam/security-credentials/") == ["404"]


def a_profile_that_may_write(cloud: LocalCloud, name: str, bucket: str) -> str:
    iam = cloud.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}))
    may = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_role_policy(RoleName=name, PolicyName="put", PolicyDocument=policy)
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    return name


def up_id(cloud: LocalCloud, address: str) -> str:
    known = cloud.control("GET", "/state")[1]["instances"]
    return str(next(one["instance_id"] for one in known if one["address"] == address))
