"""All that the library does works with the permissions that it says it needs, and nothing is in them for nothing."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

import s4_aws
from s4_aws.buckets import Buckets
from s4_aws.clients import Clients, open_regions
from s4_aws.machines import LaunchRequest, Machines
from s4_aws.permissions import boundary, needed
from s4_aws.quotas import Quotas
from s4_aws.roles import Roles
from s4_aws.sessions import Sessions
from s4_aws.surroundings import Rule
from s4_aws.tagged import Tagged
from s4_aws.trouble import AwsRefused
from s4_aws.zones import Zone
from s4_runtime import SystemClock, new_id
from support.grid_cloud import REGION, ZONE, Cloud


@pytest.fixture
async def clerk(cloud: Cloud, deployment: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Clients]:
    """Clients of somebody who may do what is needed, while everybody is held to policies.

    The local cloud knows no tags of EC2 in conditions, and does not know which role or zone a call is about: there
    everything is allowed.
    """
    iam, route53 = cloud.client("iam"), cloud.client("route53")
    zone = route53.list_hosted_zones_by_name(DNSName=ZONE)["HostedZones"][0]["Id"].rpartition("/")[2]
    policy = needed(deployment, zone, "123456789012")
    # The tests remove the role of a deployment that ends, which its provisioner may not.
    policy["Statement"] = [statement for statement in policy["Statement"] if statement["Sid"] != "GridsRoleStays"]
    policy["Statement"][0]["Action"].append("tagging:GetResources")  # what it takes for tag:GetResources
    for statement in policy["Statement"]:
        statement.pop("Condition", None)
        if statement["Sid"] in {"MakingTheGridsRole", "GridsRole", "OldRoles", "OldProfiles", "Names", "Spreading"}:
            statement["Resource"] = "*"
    iam.create_user(UserName=deployment)
    iam.put_user_policy(UserName=deployment, PolicyName="needed", PolicyDocument=json.dumps(policy))
    keys = iam.create_access_key(UserName=deployment)["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"])
    cloud.control("PUT", "/enforcement", {"who": "everybody"})
    try:
        async with open_regions(cloud.endpoint) as regions:
            yield await regions.of(REGION)
    finally:
        cloud.control("PUT", "/enforcement", {"who": "nobody"})


async def test_machines_are_started_watched_and_ended(clerk: Clients, deployment: str) -> None:
    machines, tags = Machines(clerk.ec2), {"s4:deployment": deployment}
    image = await machines.image("s4-node-*")
    await machines.security_group(f"s4-{deployment}-hosts", (Rule(22, 22),), tags)
    group = await machines.security_group(f"s4-{deployment}-hosts", (Rule(23, 23),), tags)
    instance = await machines.launch(
        LaunchRequest(
            token=new_id(), image=image.id, root_device=image.root_device, instance_type="t3.micro", disk_gib=8,
            security_groups=(group,), user_data="#cloud-config\n{}\n", tags=tags,
        )
    )  # fmt: skip
    await machines.status([instance.id])
    quotas = Quotas(clerk.quotas, clerk.quotas, clerk.ec2, clerk.s3)
    assert (await quotas.vcpus()).room is not None
    await machines.terminate([instance.id])

    assert (await machines.look([instance.id]))[instance.id].state != "alive"


async def test_a_bucket_is_made_lent_denied_and_removed(clerk: Clients, deployment: str) -> None:
    bucket, buckets = f"s4-{deployment}-a", Buckets(clerk.s3, REGION)
    sessions = Sessions(clerk.sts, clerk.iam, SystemClock())
    await buckets.ensure(bucket, {"s4:deployment": deployment})
    role = await sessions.ensure_role(f"s4-{deployment}-grids", (f"s4-{deployment}-*",), {"s4:deployment": deployment})
    await sessions.session(role, bucket, "grid")
    await buckets.deny(bucket, role)
    assert await buckets.denied(bucket, role)
    await buckets.admit(bucket)
    await buckets.measure(bucket)
    assert (await Quotas(clerk.quotas, clerk.quotas, clerk.ec2, clerk.s3).buckets()).room is not None
    found = [
        thing async for page in Tagged(clerk).pages("s4:deployment", deployment, f"s4-{deployment}-") for thing in page
    ]
    assert {thing.kind for thing in found} == {"s3:bucket", "iam:role"}
    await clerk.s3.put_object(Bucket=bucket, Key="share", Body=b"x")
    await buckets.delete_versions(bucket, await buckets.first_versions(bucket))
    await buckets.abort_uploads(bucket)
    await buckets.delete(bucket)
    await Roles(clerk.iam).remove(f"s4-{deployment}-grids")

    assert not await buckets.exists(bucket)


async def test_names_are_pointed_and_taken_out(clerk: Clients) -> None:
    zone, name = Zone(clerk.route53, ZONE), f"g{new_id()}.{ZONE}"
    change = await zone.point(name, IPv4Address("192.0.2.1"))
    assert await zone.is_everywhere(change)
    assert await zone.drift({name: IPv4Address("192.0.2.1")}) == {}
    await zone.take_out(name)

    assert await zone.drift({name: None}) == {}


async def test_what_belongs_to_another_deployment_is_out_of_reach(clerk: Clients) -> None:
    with pytest.raises(AwsRefused, match="AccessDenied"):
        await Buckets(clerk.s3, REGION).ensure(f"s4-other-{new_id()}", {})


def test_every_permission_is_used() -> None:
    """By the name of the call, in the source; those that go by another name at AWS are listed."""
    source = "".join(path.read_text() for path in Path(s4_aws.__file__).parent.glob("*.py"))
    by_another_name = {
        "s3:ListAllMyBuckets": "list_buckets",
        "s3:ListBucket": "list_objects_v2",
        "s3:ListBucketVersions": "list_object_versions",
        "s3:ListBucketMultipartUploads": "list_multipart_uploads",
        "s3:PutBucketPublicAccessBlock": "put_public_access_block",
        "s3:PutBucketOwnershipControls": "ObjectOwnership",
        "s3:PutEncryptionConfiguration": "put_bucket_encryption",
        "s3:PutLifecycleConfiguration": "put_bucket_lifecycle_configuration",
        "s3:DeleteObjectVersion": "VersionId",
        "iam:TagRole": "Tags=",
        "ec2:CreateTags": "TagSpecifications",
        "servicequotas:GetAWSDefaultServiceQuota": "get_aws_default_service_quota",
    }
    allowed = [statement for statement in needed("d", "z", "1")["Statement"] if statement["Effect"] == "Allow"]
    actions = [action for statement in allowed for action in statement["Action"]]
    unused = [
        action
        for action in actions
        if by_another_name.get(action, re.sub(r"(?<!^)(?=[A-Z])", "_", action.partition(":")[2]).lower()) not in source
    ]
    assert unused == []
    # Tags are put on what is made, and put back on machines that have lost them.
    # A role is looked at before it is used, and before it is removed.
    assert sorted(actions) == sorted([*set(actions), "ec2:CreateTags", "iam:GetRole"])


def test_all_rights_cannot_be_made_out_of_these() -> None:
    """Who can write into a role and take it, or give it to a machine, has what can be written."""
    statements = needed("d", "z", "123456789012")["Statement"]
    grids = "arn:aws:iam::123456789012:role/s4/s4-d-grids"
    boundary_only = {
        "StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::123456789012:policy/s4-d-grids-boundary"}
    }
    writing = {"iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"}
    for each in statements:
        if each["Effect"] == "Allow" and writing & set(each["Action"]):
            assert (each["Resource"], each["Condition"]) == (grids, boundary_only)
        if each["Effect"] == "Allow" and {"sts:AssumeRole", "iam:UpdateAssumeRolePolicy"} & set(each["Action"]):
            assert each["Resource"] == grids
    denied = {
        (action, each["Resource"]) for each in statements if each["Effect"] == "Deny" for action in each["Action"]
    }
    assert denied == {
        ("iam:PassRole", "*"),
        ("iam:DeleteRole", grids),
        ("iam:DeleteRolePermissionsBoundary", grids),
        ("iam:PutRolePermissionsBoundary", grids),
    }
    assert not [action for each in statements for action in each["Action"] if "*" in action]


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (("shop", "Z123", "123456789012"), needed("shop", "Z123", "123456789012")),
        (("--boundary", "shop"), boundary("shop")),
    ],
)
async def test_the_policies_can_be_printed(words: tuple[str, ...], printed: dict[str, object]) -> None:
    asked = await asyncio.create_subprocess_exec(sys.executable, "-m", "s4_aws", *words, stdout=asyncio.subprocess.PIPE)
    told, _ = await asked.communicate()

    assert json.loads(told) == printed


async def test_words_that_are_none_are_answered_with_those_that_are() -> None:
    asked = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "s4_aws", "shop", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    _, said = await asked.communicate()

    assert asked.returncode == 1
    assert b"DEPLOYMENT ZONE-ID ACCOUNT" in said
    assert b"Traceback" not in said
