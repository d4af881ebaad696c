import asyncio
from typing import Any

import pytest

from s4_aws.clients import Clients
from s4_aws.machines import Machines
from s4_aws.surroundings import Rule
from s4_aws.trouble import NoSuchImage
from support.grid_cloud import Cloud

RULES = (Rule(22, 22, "192.0.2.0/24"), Rule(34000, 35999))


def rules_of(group: dict[str, Any]) -> set[tuple[int, int, str]]:
    return {
        (rule["FromPort"], rule["ToPort"], source["CidrIp"])
        for rule in group["IpPermissions"]
        for source in rule["IpRanges"]
    }


async def a_group(machines: Machines, deployment: str, *rules: Rule) -> str:
    return await machines.security_group(f"s4-{deployment}-hosts", rules, {"s4:deployment": deployment})


async def test_the_newest_image_of_the_name_is_taken(machines: Machines, cloud: Cloud) -> None:
    image = await machines.image("s4-node-*")

    assert image.id.startswith("ami-")
    assert image.name == cloud.image.name
    assert image.root_device.startswith("/dev/")


async def test_without_an_image_of_the_name_a_person_must_look(machines: Machines) -> None:
    with pytest.raises(NoSuchImage, match="nothing"):
        await machines.image("nothing-*")


async def test_a_group_that_several_make_at_once_is_one_group_with_all_rules(
    clients: Clients, cloud: Cloud, deployment: str
) -> None:
    makers = [Machines(clients.ec2) for _ in range(5)]
    made = await asyncio.gather(*(a_group(maker, deployment, *RULES) for maker in makers))

    (group,) = cloud.groups(deployment)
    assert set(made) == {group["GroupId"]}
    assert rules_of(group) == {(22, 22, "192.0.2.0/24"), (34000, 35999, "0.0.0.0/0")}
    assert {tag["Key"]: tag["Value"] for tag in group["Tags"]} == {"s4:deployment": deployment}


async def test_a_group_that_lost_a_rule_gets_it_back(machines: Machines, cloud: Cloud, deployment: str) -> None:
    made = await a_group(machines, deployment, *RULES)
    (group,) = cloud.groups(deployment)
    cloud.client("ec2").revoke_security_group_ingress(GroupId=made, IpPermissions=[group["IpPermissions"][0]])
    await a_group(machines, deployment, *RULES)

    (mended,) = cloud.groups(deployment)
    assert len(rules_of(mended)) == 2


async def test_a_door_that_somebody_opened_is_shut(machines: Machines, cloud: Cloud, deployment: str) -> None:
    made = await a_group(machines, deployment, *RULES)
    opened = {"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    cloud.client("ec2").authorize_security_group_ingress(GroupId=made, IpPermissions=[opened])
    await a_group(machines, deployment, *RULES)

    (mended,) = cloud.groups(deployment)
    assert rules_of(mended) == {(22, 22, "192.0.2.0/24"), (34000, 35999, "0.0.0.0/0")}


async def test_a_group_is_made_in_the_network_that_is_named(machines: Machines, cloud: Cloud, deployment: str) -> None:
    vpc = cloud.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    here = await a_group(machines, deployment, *RULES)
    name, tags = f"s4-{deployment}-hosts", {"s4:deployment": deployment}
    there = [await machines.security_group(name, RULES, tags, vpc) for _ in range(2)]

    assert there[0] == there[1] != here
