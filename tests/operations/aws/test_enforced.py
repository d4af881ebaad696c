"""The stacks are deployed, and with the roles' own credentials all of a grid's life is allowed, and little else."""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from s4_aws.buckets import Buckets
from s4_aws.clients import Clients, open_regions
from s4_aws.machines import LaunchRequest, Machines
from s4_aws.quotas import Quotas
from s4_aws.sessions import Sessions
from s4_aws.surroundings import Rule
from s4_aws.tagged import Tagged
from s4_aws.zones import Zone
from s4_runtime import SystemClock, new_id
from support.grid_cloud import KEYS, REGION, Cloud, light, local_cloud
from support.templates import deploy, parameters

pytestmark = pytest.mark.long  # a local cloud with machines


class Stacks(msgspec.Struct, frozen=True):
    """An environment whose stacks are deployed."""

    cloud: Cloud
    deployment: str
    zone: str
    outputs: dict[str, str]

    def credentials(self, role: str) -> dict[str, str]:
        """Of a session of the role with this name."""
        arn = self.cloud.client("iam").get_role(RoleName=f"s4-{self.deployment}-{role}")["Role"]["Arn"]
        lent = self.cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        names = {"AWS_ACCESS_KEY_ID": "AccessKeyId", "AWS_SECRET_ACCESS_KEY": "SecretAccessKey"}
        names |= {"AWS_SESSION_TOKEN": "SessionToken"}
        return {name: lent[key] for name, key in names.items()}


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    image = light(Path(tmp_path_factory.mktemp("image")))
    with pytest.MonkeyPatch.context() as patch, local_cloud(Path(tmp_path_factory.mktemp("cloud")), image) as running:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture(scope="session")
def stacks(cloud: Cloud) -> Stacks:
    """All three of one environment, in the order of the manual."""
    deployment = f"t{uuid.uuid4().hex[:10]}"
    zone = f"{deployment}.example"
    told = parameters("staging") | {"Deployment": deployment, "GridsZone": zone, "ClusterZone": f"k8s.{zone}"}
    told |= {"BucketName": f"s4backups-{deployment}", "BackupBucket": f"s4backups-{deployment}"}
    outputs = deploy(cloud, "foundation", told, f"{deployment}-foundation")
    outputs |= deploy(cloud, "backups", told, f"{deployment}-backups")
    outputs |= deploy(cloud, "roles", told | outputs, f"{deployment}-roles")
    return Stacks(cloud, deployment, zone, outputs)


@pytest.fixture
async def provisioner(stacks: Stacks, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Clients]:
    """The provisioner's own clients, with its role's credentials, while policies are enforced."""
    for name, value in stacks.credentials("provisioner").items():
        monkeypatch.setenv(name, value)
    with stacks.cloud.enforcing():
        async with open_regions(stacks.cloud.endpoint) as regions:
            yield await regions.of(REGION)


async def a_machine(clients: Clients, deployment: str) -> str:
    machines, tags = Machines(clients.ec2), {"s4:deployment": deployment}
    image = await machines.image("s4-node-*")
    group = await machines.security_group(f"s4-{deployment}-hosts", (Rule(22, 22),), tags)
    wanted = LaunchRequest(
        token=new_id(), image=image.id, root_device=image.root_device, instance_type="t3.micro", disk_gib=8,
        security_groups=(group,), user_data="#cloud-config\n{}\n", tags=tags,
    )  # fmt: skip
    return (await machines.launch(wanted)).id


async def test_a_host_is_launched_watched_and_ended(provisioner: Clients, stacks: Stacks) -> None:
    machines, tags = Machines(provisioner.ec2), {"s4:deployment": stacks.deployment}
    instance = await a_machine(provisioner, stacks.deployment)
    await machines.security_group(f"s4-{stacks.deployment}-hosts", (Rule(23, 23),), tags)
    await machines.status([instance])
    await machines.tag([instance], tags | {"s4:host": "h"})
    assert instance in await machines.by_tag(tags)
    assert (await Quotas(provisioner.quotas, provisioner.quotas, provisioner.ec2, provisioner.s3).vcpus()).room
    await machines.terminate([instance])

    assert (await machines.look([instance]))[instance].state != "alive"


async def test_a_bucket_is_made_lent_denied_measured_and_removed(provisioner: Clients, stacks: Stacks) -> None:
    bucket, buckets = f"s4-{stacks.deployment}-{uuid.uuid4().hex[:8]}", Buckets(provisioner.s3, REGION)
    sessions, tags = Sessions(provisioner.sts, provisioner.iam, SystemClock()), {"s4:deployment": stacks.deployment}
    await buckets.ensure(bucket, tags)
    role = await sessions.ensure_role(f"s4-{stacks.deployment}-grids", (f"s4-{stacks.deployment}-*",), tags)
    await sessions.session(role, bucket, "grid")
    await sessions.reading(role, bucket, "reader")
    await buckets.deny(bucket, role)
    assert await buckets.denied(bucket, role)
    await buckets.admit(bucket)
    await buckets.measure(bucket)
    found = [page async for page in Tagged(provisioner).pages("s4:deployment", stacks.deployment, "s4-")]
    assert any(thing.id == bucket for page in found for thing in page)
    await provisioner.s3.put_object(Bucket=bucket, Key="share", Body=b"x")
    await buckets.delete_versions(bucket, await buckets.first_versions(bucket))
    await buckets.abort_uploads(bucket)
    await buckets.delete(bucket)

    assert not await buckets.exists(bucket)


async def test_a_name_is_pointed_looked_up_and_taken_out(provisioner: Clients, stacks: Stacks) -> None:
    zone, name = Zone(provisioner.route53, stacks.zone), f"g{new_id()}.{stacks.zone}"
    change = await zone.point(name, IPv4Address("192.0.2.1"))
    assert await zone.is_everywhere(change)
    await zone.take_out(name)

    assert await zone.drift({name: None}) == {}


async def refused(call: Callable[..., Any], **parameters: Any) -> str:
    """The code by which AWS refuses the call."""
    with pytest.raises(ClientError) as refusal:
        await call(**parameters)
    return str(refusal.value.response["Error"]["Code"])


DENIED = {"AccessDenied", "UnauthorizedOperation", "403"}


async def test_buckets_of_other_deployments_of_kops_and_of_backups_are_out_of_reach(
    provisioner: Clients, stacks: Stacks
) -> None:
    s3 = stacks.cloud.client("s3")
    for name in (f"s4-other{stacks.deployment}-a", f"s4kops-{stacks.deployment}-state"):
        s3.create_bucket(Bucket=name)
        s3.put_object(Bucket=name, Key="ca", Body=b"key")
        assert await refused(provisioner.s3.get_object, Bucket=name, Key="ca") in DENIED
        assert await refused(provisioner.s3.list_objects_v2, Bucket=name) in DENIED
        assert await refused(provisioner.s3.delete_object, Bucket=name, Key="ca") in DENIED
    backups = stacks.outputs["BackupBucket"]
    assert await refused(provisioner.s3.put_object, Bucket=backups, Key="a", Body=b"") in DENIED
    assert await refused(provisioner.s3.create_bucket, Bucket="anything-else") in DENIED


async def test_machines_and_groups_of_others_are_out_of_reach(provisioner: Clients, stacks: Stacks) -> None:
    mine = await a_machine(provisioner, stacks.deployment)
    ec2 = stacks.cloud.client("ec2")
    image = ec2.describe_images(Owners=["self"])["Images"][0]["ImageId"]
    theirs = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)["Instances"][0][
        "InstanceId"
    ]
    group = ec2.create_security_group(GroupName=new_id(), Description="another's")["GroupId"]
    rule = [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    calls = provisioner.ec2
    assert await refused(calls.terminate_instances, InstanceIds=[theirs]) in DENIED
    assert await refused(calls.terminate_instances, InstanceIds=[mine, theirs]) in DENIED
    assert await refused(calls.authorize_security_group_ingress, GroupId=group, IpPermissions=rule) in DENIED
    other = [{"Key": "s4:deployment", "Value": "other"}]
    assert await refused(calls.create_tags, Resources=[mine], Tags=other) in DENIED
    assert await refused(calls.stop_instances, InstanceIds=[mine]) in DENIED
    await calls.terminate_instances(InstanceIds=[mine])
    ec2.terminate_instances(InstanceIds=[theirs])


async def test_a_machine_of_another_deployment_cannot_be_made_ones_own(provisioner: Clients, stacks: Stacks) -> None:
    ec2 = stacks.cloud.client("ec2")
    image = ec2.describe_images(Owners=["self"])["Images"][0]["ImageId"]
    theirs = [{"ResourceType": "instance", "Tags": [{"Key": "s4:deployment", "Value": "other"}]}]
    made = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, TagSpecifications=theirs)
    instance = made["Instances"][0]["InstanceId"]
    tags = [{"Key": "s4:deployment", "Value": stacks.deployment}]

    assert await refused(provisioner.ec2.create_tags, Resources=[instance], Tags=tags) in DENIED
    ec2.terminate_instances(InstanceIds=[instance])


async def test_no_rights_can_be_made_out_of_these(provisioner: Clients, stacks: Stacks) -> None:
    iam, grids = provisioner.iam, f"s4-{stacks.deployment}-grids"
    trust = "{}"
    assert await refused(iam.create_user, UserName="me") in DENIED
    assert await refused(iam.create_access_key, UserName=f"s4-{stacks.deployment}-letters") in DENIED
    assert await refused(iam.create_role, RoleName="s4-x", Path="/s4/", AssumeRolePolicyDocument=trust) in DENIED
    assert await refused(iam.delete_role, RoleName=grids) in DENIED
    assert await refused(iam.delete_role_permissions_boundary, RoleName=grids) in DENIED
    assert await refused(iam.attach_role_policy, RoleName=grids, PolicyArn="arn:aws:iam::aws:policy/X") in DENIED
    me = f"s4-{stacks.deployment}-provisioner"
    assert await refused(iam.put_role_policy, RoleName=me, PolicyName="x", PolicyDocument=trust) in DENIED
    arn = stacks.outputs["BackupWriterRole"]
    assert await refused(provisioner.sts.assume_role, RoleArn=arn, RoleSessionName="me") in DENIED


async def test_other_zones_are_out_of_reach(provisioner: Clients, stacks: Stacks) -> None:
    zone = stacks.outputs["ClusterZoneId"]
    record = {"Name": f"api.k8s.{stacks.zone}", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    changes = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    call = provisioner.route53.change_resource_record_sets

    assert await refused(call, HostedZoneId=zone, ChangeBatch=changes) in DENIED


async def test_backups_are_written_and_neither_read_nor_deleted(
    stacks: Stacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stacks.credentials("backup-writer").items():
        monkeypatch.setenv(name, value)
    bucket, key = stacks.outputs["BackupBucket"], f"{stacks.deployment}/one"
    with stacks.cloud.enforcing():
        async with open_regions(stacks.cloud.endpoint) as regions:
            s3 = (await regions.of(REGION)).s3
            await s3.put_object(Bucket=bucket, Key=key, Body=b"sealed")
            assert await refused(s3.get_object, Bucket=bucket, Key=key) in DENIED
            assert await refused(s3.delete_object, Bucket=bucket, Key=key) in DENIED
            assert await refused(s3.list_objects_v2, Bucket=bucket) in DENIED
            assert await refused(s3.put_object, Bucket=bucket, Key="other/one", Body=b"") in DENIED
