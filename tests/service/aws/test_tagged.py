"""Everything that a deployment has is found, also what never got its tags."""

import pytest

from s4_aws.buckets import Buckets
from s4_aws.clients import Clients, Regions
from s4_aws.machines import LaunchRequest, Machines
from s4_aws.sessions import Sessions
from s4_aws.tagged import Tagged, Thing
from s4_runtime import new_id
from support.grid_cloud import REGION, Cloud


async def everything(clients: Clients, deployment: str) -> list[Thing]:
    pages = Tagged(clients).pages("s4:deployment", deployment, f"s4-{deployment}-")
    return [thing async for page in pages for thing in page]


@pytest.fixture
async def built(clients: Clients, machines: Machines, sessions: Sessions, deployment: str) -> set[tuple[str, str]]:
    """One of each kind of thing, by kind and id; a volume comes with the machine."""
    tags = {"s4:deployment": deployment}
    image = await machines.image("s4-node-*")
    group = await machines.security_group(f"s4-{deployment}-hosts", (), tags)
    instance = await machines.launch(
        LaunchRequest(
            token=new_id(), image=image.id, root_device=image.root_device, instance_type="t3.micro", disk_gib=8,
            security_groups=(group,), user_data="#cloud-config\n{}\n", tags=tags,
        )
    )  # fmt: skip
    await Buckets(clients.s3, REGION).ensure(f"s4-{deployment}-a", tags)
    await sessions.ensure_role(f"s4-{deployment}-grids", (f"s4-{deployment}-*",), tags)
    return {
        ("ec2:instance", instance.id),
        ("ec2:security-group", group),
        ("s3:bucket", f"s4-{deployment}-a"),
        ("iam:role", f"s4-{deployment}-grids"),
    }


async def test_everything_is_found_once_with_its_tags(
    clients: Clients, built: set[tuple[str, str]], deployment: str
) -> None:
    found = await everything(clients, deployment)
    named = [(thing.kind, thing.id) for thing in found]

    assert len(named) == len(set(named))
    assert {each for each in named if each[0] != "ec2:volume"} == built
    assert [kind for kind, _ in named].count("ec2:volume") == 1
    assert {thing.tags["s4:deployment"] for thing in found} == {deployment}


async def test_what_died_before_it_got_its_tags_is_found_by_its_name(
    clients: Clients, cloud: Cloud, deployment: str
) -> None:
    iam = cloud.client("iam")
    cloud.client("s3").create_bucket(Bucket=f"s4-{deployment}-half")
    iam.create_instance_profile(InstanceProfileName=f"s4-{deployment}-old", Path="/s4/")

    assert {(thing.kind, thing.id, len(thing.tags)) for thing in await everything(clients, deployment)} == {
        ("s3:bucket", f"s4-{deployment}-half", 0),
        ("iam:instance-profile", f"s4-{deployment}-old", 0),
    }


async def test_nothing_of_another_deployment_is_found(
    clients: Clients, built: set[tuple[str, str]], deployment: str
) -> None:
    assert await everything(clients, f"{deployment}x") == []


async def test_buckets_of_another_region_are_found_there(regions: Regions, deployment: str) -> None:
    there = await regions.of("eu-central-1")
    await Buckets(there.s3, "eu-central-1").ensure(f"s4-{deployment}-b", {"s4:deployment": deployment})

    assert {thing.id for thing in await everything(there, deployment)} == {f"s4-{deployment}-b"}


async def test_many_are_found_page_by_page(clients: Clients, cloud: Cloud, deployment: str) -> None:
    made = cloud.client("ec2").create_security_group
    tags = [{"ResourceType": "security-group", "Tags": [{"Key": "s4:deployment", "Value": deployment}]}]
    for number in range(120):
        made(GroupName=f"s4-{deployment}-{number}", Description="one of many", TagSpecifications=tags)

    sizes = [len(page) async for page in Tagged(clients).pages("s4:deployment", deployment, f"s4-{deployment}-")]
    assert sum(sizes) == 120
    assert max(sizes) <= 100
