"""What the provisioner makes at AWS, seen by another client of the local cloud."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from functools import partial
from ipaddress import IPv4Address

import msgspec
import pytest
from botocore.exceptions import ClientError

from s4_aws.buckets import Buckets, ObjectsRemain
from s4_aws.clients import Clients, open_clients
from s4_aws.roles import Roles
from s4_aws.trouble import AwsRefused
from s4_aws.zones import NoZone, Zone, ZoneReplaced
from s4_contracts.ids import GridId, HostId
from s4_provisioner import names
from s4_provisioner.grids import Host, Launch
from s4_provisioner.hosts.ec2 import Ec2Hosts, NoImage, PlanOutdated
from s4_provisioner.settings import Settings
from s4_runtime import new_id
from support.grid_cloud import REGION, ZONE, Cloud
from support.provisioner import some_settings

TAGS = {"s4:deployment": "test", "s4:grid": "grid"}
TOLD = "#cloud-config\n{}\n"


@pytest.fixture
async def clients(cloud: Cloud) -> AsyncIterator[Clients]:
    async with open_clients(REGION, cloud.endpoint) as clients:
        yield clients
    cloud.mend()


@pytest.fixture
def settings(cloud: Cloud) -> Settings:
    return some_settings("postgresql://nowhere", cloud)


@pytest.fixture
async def hosts(clients: Clients, settings: Settings, cloud: Cloud) -> AsyncIterator[Ec2Hosts]:
    yield Ec2Hosts(clients.ec2, settings)
    await asyncio.to_thread(cloud.end_machines, settings.deployment)


def a_name() -> str:
    return names.bucket("test", GridId(new_id()))


def a_host(launch: Launch, generation: int = 1) -> Host:
    return Host(
        id=HostId(new_id()), generation=generation, launch=launch, sealed_host_key=None, host_key=None,
        announced_from=1, instance_id=None, address=None,
    )  # fmt: skip


@pytest.fixture
async def launch(hosts: Ec2Hosts, clients: Clients) -> Launch:
    profile = a_name()
    await Roles(clients.iam).ensure(profile, profile, TAGS)
    return await hosts.plan(profile)


async def test_a_bucket_is_closed_to_the_public_encrypted_and_keeps_no_old_versions(
    clients: Clients, cloud: Cloud
) -> None:
    name = a_name()
    await Buckets(clients.s3, REGION).ensure(name, TAGS)

    s3 = cloud.client("s3")
    assert set(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values()) == {True}
    (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert "Status" not in s3.get_bucket_versioning(Bucket=name)
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=name)["TagSet"]}
    assert tags == TAGS


async def test_uploads_that_nobody_finished_are_ended_by_the_bucket_after_two_days_and_nothing_else_is(
    clients: Clients, cloud: Cloud
) -> None:
    name = a_name()
    for _ in range(2):
        await Buckets(clients.s3, REGION).ensure(name, TAGS)

    (rule,) = cloud.client("s3").get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}
    assert (rule["Status"], rule["Filter"]) == ("Enabled", {"Prefix": ""})
    assert rule.keys() == {"ID", "Status", "Filter", "AbortIncompleteMultipartUpload"}


async def test_proving_a_bucket_leaves_nothing_in_it(clients: Clients, cloud: Cloud) -> None:
    name = a_name()
    await Buckets(clients.s3, REGION).ensure(name, TAGS)

    assert "Contents" not in cloud.client("s3").list_objects_v2(Bucket=name)


async def test_a_bucket_that_is_made_twice_keeps_what_is_in_it(clients: Clients, cloud: Cloud) -> None:
    name, buckets = a_name(), Buckets(clients.s3, REGION)
    await buckets.ensure(name, TAGS)
    cloud.client("s3").put_object(Bucket=name, Key="shares/aa/share", Body=b"a share")
    await buckets.ensure(name, TAGS)

    assert cloud.client("s3").get_object(Bucket=name, Key="shares/aa/share")["Body"].read() == b"a share"


async def test_a_bucket_is_emptied_page_by_page_and_deleted_and_that_can_be_done_again(
    clients: Clients, cloud: Cloud
) -> None:
    name, buckets = a_name(), Buckets(clients.s3, REGION, page=2)
    await buckets.ensure(name, TAGS)
    keys = [f"shares/aa/{number}" for number in range(5)] + ["shares/ü & <b>?"]
    for key in keys:
        cloud.client("s3").put_object(Bucket=name, Key=key, Body=b"a share")
        cloud.client("s3").create_multipart_upload(Bucket=name, Key=key)

    found: list[str] = []
    while page := await buckets.first_keys(name):
        assert len(page) <= 2
        found += page
        for _ in range(2):
            await buckets.delete_objects(name, page)
    for _ in range(2):
        await buckets.abort_uploads(name)
        await buckets.delete(name)

    assert found == keys
    assert not await buckets.exists(name)
    assert await buckets.first_keys(name) == []


async def test_a_bucket_in_which_something_is_left_is_not_deleted(clients: Clients, cloud: Cloud) -> None:
    name, buckets = a_name(), Buckets(clients.s3, REGION)
    await buckets.ensure(name, TAGS)
    cloud.client("s3").put_object(Bucket=name, Key="late", Body=b"a share")

    with pytest.raises(ObjectsRemain, match="bucket-not-empty"):
        await buckets.delete(name)

    assert await buckets.first_keys(name) == ["late"]


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


async def test_a_bucket_can_be_made_outside_the_default_region(cloud: Cloud) -> None:
    name = a_name()
    async with open_clients("eu-central-1", cloud.endpoint) as clients:
        for _ in range(2):
            await Buckets(clients.s3, "eu-central-1").ensure(name, TAGS)

    assert cloud.client("s3").get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-central-1"


async def test_somebody_elses_bucket_is_not_used(clients: Clients, cloud: Cloud) -> None:
    name = a_name()
    cloud.client_of_somebody_else("s3").create_bucket(Bucket=name)

    with pytest.raises(AwsRefused, match="BucketAlreadyExists"):
        await Buckets(clients.s3, REGION).ensure(name, TAGS)


async def test_a_role_may_use_its_own_bucket_and_nothing_else(clients: Clients, cloud: Cloud) -> None:
    name = a_name()
    await Roles(clients.iam).ensure(name, "the-bucket", TAGS)

    iam = cloud.client("iam")
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    statements = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]["Statement"]
    assert {statement["Resource"] for statement in statements} == {
        "arn:aws:s3:::the-bucket",
        "arn:aws:s3:::the-bucket/*",
    }
    assert {action.partition(":")[0] for statement in statements for action in statement["Action"]} == {"s3"}
    may = {statement["Resource"].removeprefix("arn:aws:s3:::"): set(statement["Action"]) for statement in statements}
    assert may == {
        "the-bucket/*": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"},
        "the-bucket": {
            *("s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation"),
            *("s3:GetBucketVersioning", "s3:GetLifecycleConfiguration"),
        },
    }
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []


async def test_the_role_may_do_all_that_a_storage_node_does_in_its_bucket_and_no_more(
    clients: Clients, cloud: Cloud
) -> None:
    own, other = a_name(), a_name()
    await Roles(clients.iam).ensure(own, own, TAGS)
    for bucket in (own, other):
        await Buckets(clients.s3, REGION).ensure(bucket, TAGS)
    part, at = b"x" * 5 * 2**20, {"Bucket": own, "Key": "shares/aa/large"}

    with cloud.as_role(own) as s3:
        s3.put_object(Bucket=own, Key="shares/aa/small", Body=b"share", IfNoneMatch="*")
        assert s3.get_object(Bucket=own, Key="shares/aa/small", Range="bytes=1-2")["Body"].read() == b"ha"
        assert s3.head_object(Bucket=own, Key="shares/aa/small")["ContentLength"] == 5
        upload = s3.create_multipart_upload(**at)["UploadId"]
        etag = s3.upload_part(**at, UploadId=upload, PartNumber=1, Body=part)["ETag"]
        parts = {"Parts": [{"ETag": etag, "PartNumber": 1}]}
        s3.complete_multipart_upload(**at, UploadId=upload, MultipartUpload=parts)
        s3.abort_multipart_upload(**at, UploadId=s3.create_multipart_upload(**at)["UploadId"])
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=own)
        assert s3.list_objects_v2(Bucket=own, Prefix="shares/")["KeyCount"] == 2
        s3.delete_object(Bucket=own, Key="shares/aa/small")
        s3.delete_objects(Bucket=own, Delete={"Objects": [{"Key": "shares/aa/large"}]})
        s3.get_bucket_location(Bucket=own)
        s3.get_bucket_versioning(Bucket=own)
        s3.get_bucket_lifecycle_configuration(Bucket=own)
        for refused in (
            partial(s3.put_object, Bucket=other, Key="x", Body=b"x"),
            partial(s3.list_objects_v2, Bucket=other),
            partial(s3.delete_bucket, Bucket=own),
            partial(s3.put_bucket_versioning, Bucket=own, VersioningConfiguration={"Status": "Enabled"}),
            partial(s3.delete_bucket_lifecycle, Bucket=own),
        ):
            with pytest.raises(ClientError, match=r"AccessDenied|Forbidden"):
                refused()


async def test_a_machine_with_the_profile_has_the_role_however_often_it_is_made(clients: Clients, cloud: Cloud) -> None:
    name, roles = a_name(), Roles(clients.iam)
    await roles.ensure(name, "the-bucket", TAGS)
    await roles.ensure(name, "the-bucket", TAGS)

    profile = cloud.client("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert [role["RoleName"] for role in profile["Roles"]] == [name]
    trust = profile["Roles"][0]["AssumeRolePolicyDocument"]
    document = json.loads(trust) if isinstance(trust, str) else trust
    assert [statement["Principal"] for statement in document["Statement"]] == [{"Service": "ec2.amazonaws.com"}]


async def test_a_role_that_is_removed_is_gone_with_its_profile_however_often_it_is_removed(
    clients: Clients, cloud: Cloud
) -> None:
    name, roles = a_name(), Roles(clients.iam)
    await roles.ensure(name, "the-bucket", TAGS)
    for _ in range(2):
        await roles.remove(name)

    assert not await roles.exists(name)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        cloud.client("iam").get_instance_profile(InstanceProfileName=name)


async def test_what_is_left_of_a_role_that_was_half_made_is_removed(clients: Clients, cloud: Cloud) -> None:
    name, roles = a_name(), Roles(clients.iam)
    cloud.client("iam").create_instance_profile(InstanceProfileName=name)
    await roles.remove(name)

    with pytest.raises(ClientError, match="NoSuchEntity"):
        cloud.client("iam").get_instance_profile(InstanceProfileName=name)


async def test_a_profile_with_a_strange_role_is_for_a_person(clients: Clients, cloud: Cloud) -> None:
    name, other = a_name(), a_name()
    await Roles(clients.iam).ensure(other, "the-bucket", TAGS)
    iam = cloud.client("iam")
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=other)

    with pytest.raises(AwsRefused, match="instance-profile-has-another-role"):
        await Roles(clients.iam).ensure(name, "the-bucket", TAGS)


async def test_a_name_means_the_address_that_it_was_given_last(clients: Clients, cloud: Cloud) -> None:
    zone, name = Zone(clients.route53, ZONE), f"g{new_id()}.{ZONE}"
    await zone.point(name, IPv4Address("192.0.2.1"))
    await zone.point(name, IPv4Address("192.0.2.1"))
    change = await zone.point(name, IPv4Address("192.0.2.2"))

    assert await zone.is_everywhere(change) is True
    assert cloud.address_of(name) == ["192.0.2.2"]


async def test_a_name_that_is_taken_out_means_nothing_and_its_neighbours_stay(clients: Clients, cloud: Cloud) -> None:
    zone, grid = Zone(clients.route53, ZONE), new_id()
    name, neighbour = f"g{grid}.{ZONE}", f"g{grid}a.{ZONE}"
    await zone.take_out(name)
    await zone.point(name, IPv4Address("192.0.2.1"))
    await zone.point(neighbour, IPv4Address("192.0.2.2"))
    for _ in range(2):
        await zone.take_out(name)

    assert cloud.address_of(name) == []
    assert cloud.address_of(neighbour) == ["192.0.2.2"]


async def test_a_name_is_taken_out_however_it_was_written(clients: Clients, cloud: Cloud) -> None:
    zone, name = Zone(clients.route53, ZONE), f"g{new_id()}.{ZONE}"
    await zone.point(name, IPv4Address("192.0.2.1"))
    await zone.take_out(f"{name.upper()}.")

    assert cloud.address_of(name) == []


async def test_a_zone_that_is_not_there_is_for_a_person(clients: Clients) -> None:
    with pytest.raises(NoZone):
        await Zone(clients.route53, "elsewhere.test").point("g.elsewhere.test", IPv4Address("192.0.2.1"))


async def test_a_zone_that_was_made_anew_is_found_again(clients: Clients, cloud: Cloud) -> None:
    zone, route53 = Zone(clients.route53, "anew.test"), cloud.client("route53")
    first = route53.create_hosted_zone(Name="anew.test", CallerReference="1")["HostedZone"]["Id"]
    await zone.id()
    route53.delete_hosted_zone(Id=first)
    second = route53.create_hosted_zone(Name="anew.test", CallerReference="2")["HostedZone"]["Id"]

    with pytest.raises(ZoneReplaced):
        await zone.point("g.anew.test", IPv4Address("192.0.2.1"))
    await zone.point("g.anew.test", IPv4Address("192.0.2.1"))

    assert await zone.id() == second
    route53.change_resource_record_sets(
        HostedZoneId=second,
        ChangeBatch={
            "Changes": [
                {
                    "Action": "DELETE",
                    "ResourceRecordSet": {
                        "Name": "g.anew.test", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}],
                    },
                }
            ]
        },
    )  # fmt: skip
    route53.delete_hosted_zone(Id=second)


async def test_a_machine_is_started_as_the_plan_says_and_no_other_way(
    hosts: Ec2Hosts, launch: Launch, cloud: Cloud, settings: Settings
) -> None:
    grid, host = GridId(new_id()), a_host(launch)
    machine = await hosts.launch(grid, host, launch, TOLD)

    (found,) = cloud.instances(settings.deployment)
    assert found["InstanceId"] == machine.instance_id
    assert found["ClientToken"] == f"{host.id}-1"
    assert found["InstanceType"] == "t3.small"
    assert found["MetadataOptions"]["HttpTokens"] == "required"
    assert found["IamInstanceProfile"]["Arn"].endswith(launch.instance_profile)
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == {
        "s4:deployment": settings.deployment,
        "s4:grid": grid,
        "s4:host": host.id,
        "s4:generation": "1",
    }
    (disk,) = found["BlockDeviceMappings"]
    volume = cloud.client("ec2").describe_volumes(VolumeIds=[disk["Ebs"]["VolumeId"]])["Volumes"][0]
    assert volume["Encrypted"] is True
    assert volume["Size"] == settings.disk_gib
    told = cloud.client("ec2").describe_instance_attribute(InstanceId=machine.instance_id, Attribute="userData")
    assert base64.b64decode(told["UserData"]["Value"]).decode() == TOLD


async def test_a_launch_repeated_many_times_at_once_is_one_machine(
    hosts: Ec2Hosts, launch: Launch, cloud: Cloud, settings: Settings
) -> None:
    grid, host = GridId(new_id()), a_host(launch)
    machines = await asyncio.gather(*(hosts.launch(grid, host, launch, TOLD) for _ in range(8)))

    assert len({machine.instance_id for machine in machines}) == 1
    assert len(cloud.instances(settings.deployment)) == 1


async def test_the_next_generation_is_another_machine(
    hosts: Ec2Hosts, launch: Launch, cloud: Cloud, settings: Settings
) -> None:
    grid, host = GridId(new_id()), a_host(launch)
    first = await hosts.launch(grid, host, launch, TOLD)
    await hosts.terminate(host)
    second = await hosts.launch(grid, msgspec.structs.replace(host, generation=2), launch, TOLD)

    assert second.instance_id != first.instance_id
    assert [each["InstanceId"] for each in cloud.instances(settings.deployment)] == [second.instance_id]


async def test_terminating_finds_a_machine_whose_id_was_never_kept(
    hosts: Ec2Hosts, launch: Launch, cloud: Cloud, settings: Settings
) -> None:
    host = a_host(launch)
    started = await hosts.launch(GridId(new_id()), host, launch, TOLD)
    for _ in range(2):
        await hosts.terminate(host)

    assert cloud.instances(settings.deployment) == []
    machine = await hosts.look(started.instance_id)
    assert machine
    assert machine.state == "gone"


async def test_all_machines_of_a_grid_are_found_until_they_are_terminated_and_no_others(
    hosts: Ec2Hosts, launch: Launch
) -> None:
    grid, other, host = GridId(new_id()), GridId(new_id()), a_host(launch)
    machines = [
        await hosts.launch(grid, msgspec.structs.replace(host, generation=number), launch, TOLD) for number in (1, 2)
    ]
    stays = await hosts.launch(other, a_host(launch), launch, TOLD)

    assert set(await hosts.unterminated(grid)) == {machine.instance_id for machine in machines}
    for _ in range(2):
        await hosts.terminate_all([machine.instance_id for machine in machines])
    assert await hosts.unterminated(grid) == []
    assert await hosts.unterminated(other) == [stays.instance_id]


async def test_a_machine_that_nobody_knows_is_none(hosts: Ec2Hosts) -> None:
    assert await hosts.look("i-0123456789abcdef0") is None


async def test_a_group_that_several_make_at_once_is_one_group_with_three_ports(
    clients: Clients, settings: Settings, cloud: Cloud
) -> None:
    makers = [Ec2Hosts(clients.ec2, settings) for _ in range(5)]
    plans = await asyncio.gather(*(maker.plan("profile") for maker in makers))

    (group,) = cloud.groups(settings.deployment)
    assert {plan.security_group for plan in plans} == {group["GroupId"]}
    assert sorted(rule["FromPort"] for rule in group["IpPermissions"]) == sorted([settings.ssh_port, 34561, 34562])
    assert all(rule["FromPort"] == rule["ToPort"] for rule in group["IpPermissions"])


async def test_a_group_that_lost_a_rule_gets_it_back(clients: Clients, settings: Settings, cloud: Cloud) -> None:
    plan = await Ec2Hosts(clients.ec2, settings).plan("profile")
    (group,) = cloud.groups(settings.deployment)
    cloud.client("ec2").revoke_security_group_ingress(
        GroupId=plan.security_group, IpPermissions=[group["IpPermissions"][0]]
    )
    await Ec2Hosts(clients.ec2, settings).plan("profile")

    (mended,) = cloud.groups(settings.deployment)
    assert len(mended["IpPermissions"]) == 3


async def test_without_an_image_of_the_name_a_person_must_look(clients: Clients, settings: Settings) -> None:
    missing = msgspec.structs.replace(settings, ami_name="nothing-*")

    with pytest.raises(NoImage):
        await Ec2Hosts(clients.ec2, missing).plan("profile")


async def test_a_plan_whose_image_is_gone_is_made_anew(
    hosts: Ec2Hosts, launch: Launch, cloud: Cloud, settings: Settings
) -> None:
    outdated = msgspec.structs.replace(launch, image="ami-0123456789abcdef0")

    with pytest.raises(PlanOutdated):
        await hosts.launch(GridId(new_id()), a_host(outdated), outdated, TOLD)

    assert cloud.instances(settings.deployment) == []
    assert (await hosts.plan(launch.instance_profile)).image == launch.image
