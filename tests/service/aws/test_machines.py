"""Machines as the local cloud has them, seen by another client of it."""

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from s4_aws.machines import LAUNCH_TAG, LaunchRequest, Machines
from s4_aws.trouble import AwsUnavailable, NoCapacity, NoSuchImage, NoSuchType, NotThere
from s4_runtime import new_id
from support.grid_cloud import Cloud
from support.waiting import until

TOLD = "#cloud-config\n{}\n"
NOBODY = "i-0123456789abcdef0"
Requests = Callable[..., LaunchRequest]


@pytest.fixture
async def a_request(machines: Machines, deployment: str) -> Requests:
    image = await machines.image("s4-node-*")
    group = await machines.security_group(f"s4-{deployment}-hosts", (), {"s4:deployment": deployment})

    def made(**changed: Any) -> LaunchRequest:
        host = new_id()
        told: dict[str, Any] = {
            "token": host,
            "image": image.id,
            "root_device": image.root_device,
            "instance_type": "t3.small",
            "disk_gib": 9,
            "security_groups": (group,),
            "user_data": TOLD,
            "tags": {"s4:deployment": deployment, "s4:host": host},
        }
        return LaunchRequest(**told | changed)

    return made


async def test_a_machine_is_started_as_it_is_asked_for_and_no_other_way(
    machines: Machines, a_request: Requests, cloud: Cloud, deployment: str
) -> None:
    request = a_request()
    instance = await machines.launch(request)

    (found,) = cloud.instances(deployment)
    assert found["InstanceId"] == instance.id
    assert found["ClientToken"] == request.token
    assert found["InstanceType"] == "t3.small"
    assert found["MetadataOptions"]["HttpTokens"] == "required"
    assert found["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert "IamInstanceProfile" not in found
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == request.tags | {LAUNCH_TAG: request.token}
    (disk,) = found["BlockDeviceMappings"]
    volume = cloud.client("ec2").describe_volumes(VolumeIds=[disk["Ebs"]["VolumeId"]])["Volumes"][0]
    assert (volume["Encrypted"], volume["Size"]) == (True, 9)
    assert {tag["Key"] for tag in volume["Tags"]} == {"s4:deployment", "s4:host", LAUNCH_TAG}
    told = cloud.client("ec2").describe_instance_attribute(InstanceId=instance.id, Attribute="userData")
    assert base64.b64decode(told["UserData"]["Value"]).decode() == TOLD


async def test_a_machine_is_started_in_the_zone_that_is_asked_for(machines: Machines, a_request: Requests) -> None:
    instance = await machines.launch(a_request(zone="us-east-1c"))

    assert instance.seen.zone == "us-east-1c"


async def test_a_machine_is_started_in_the_subnet_that_is_asked_for(
    machines: Machines, a_request: Requests, cloud: Cloud
) -> None:
    subnet = cloud.client("ec2").describe_subnets()["Subnets"][1]
    instance = await machines.launch(a_request(zone="us-east-1f", subnet=subnet["SubnetId"]))

    assert instance.seen.zone == subnet["AvailabilityZone"]


async def test_a_launch_repeated_many_times_at_once_is_one_machine(
    machines: Machines, a_request: Requests, cloud: Cloud, deployment: str
) -> None:
    request = a_request()
    launched = await asyncio.gather(*(machines.launch(request) for _ in range(8)))

    assert len({instance.id for instance in launched}) == 1
    assert len(cloud.instances(deployment)) == 1


async def test_a_launch_whose_answer_was_lost_is_found_again(
    machines: Machines, a_request: Requests, cloud: Cloud, deployment: str
) -> None:
    request = a_request()
    cloud.break_next("cut", action="RunInstances", times=2)
    with pytest.raises(AwsUnavailable):
        await machines.launch(request)
    instance = await machines.launch(request)

    assert [each["InstanceId"] for each in cloud.instances(deployment)] == [instance.id]


async def test_a_launch_that_is_repeated_after_the_machine_ended_starts_no_other(
    machines: Machines, a_request: Requests, cloud: Cloud, deployment: str
) -> None:
    request = a_request()
    first = await machines.launch(request)
    await machines.terminate([first.id])
    again = await machines.launch(request)

    assert again.id == first.id
    assert again.seen.state in {"ending", "gone"}
    assert cloud.instances(deployment) == []


async def test_another_token_is_another_machine(machines: Machines, a_request: Requests) -> None:
    first = await machines.launch(a_request())
    second = await machines.launch(a_request())

    assert first.id != second.id


async def test_a_machine_that_runs_has_an_address(machines: Machines, a_request: Requests) -> None:
    instance = await machines.launch(a_request())

    async def runs() -> bool:
        return (await machines.look([instance.id]))[instance.id].address is not None

    await until(runs, within=20, what="the machine has an address")


async def test_those_that_ec2_does_not_know_are_missing_and_hinder_nobody(
    machines: Machines, a_request: Requests
) -> None:
    first, second = await machines.launch(a_request()), await machines.launch(a_request())
    seen = await machines.look([first.id, NOBODY, second.id, "i-malformed"])

    assert seen.keys() == {first.id, second.id}
    assert {each.state for each in seen.values()} == {"alive"}


async def test_a_thousand_are_looked_at_with_a_few_requests(
    machines: Machines, a_request: Requests, cloud: Cloud
) -> None:
    instance = await machines.launch(a_request())
    await asyncio.to_thread(cloud.calls)
    seen = await machines.look([instance.id, *(f"i-{number:017x}" for number in range(999))])

    assert seen.keys() == {instance.id}
    assert (await asyncio.to_thread(cloud.calls))["ec2:DescribeInstances"] <= 6


async def test_nobody_is_looked_at_without_a_request(machines: Machines, cloud: Cloud) -> None:
    await asyncio.to_thread(cloud.calls)
    assert await machines.look([]) == {}
    assert await machines.status([]) == {}
    await machines.terminate([])

    assert not any(name.startswith("ec2:") for name in await asyncio.to_thread(cloud.calls))


async def test_machines_are_found_by_all_of_their_tags(
    machines: Machines, a_request: Requests, deployment: str
) -> None:
    request = a_request()
    first, second = await machines.launch(request), await machines.launch(a_request())
    mine = {"s4:deployment": deployment}

    assert (await machines.by_tag(mine)).keys() == {first.id, second.id}
    assert (await machines.by_tag(mine | {"s4:host": request.token})).keys() == {first.id}
    assert await machines.by_tag(mine | {"s4:host": "another"}) == {}


async def test_machines_are_found_by_how_they_are(machines: Machines, a_request: Requests, deployment: str) -> None:
    stays, goes = await machines.launch(a_request()), await machines.launch(a_request())
    await machines.terminate([goes.id])
    mine = {"s4:deployment": deployment}

    assert (await machines.by_tag(mine, ("alive",))).keys() == {stays.id}
    assert (await machines.by_tag(mine, ("ending", "gone"))).keys() == {goes.id}


async def test_terminating_again_or_what_nobody_knows_is_no_trouble(
    machines: Machines, a_request: Requests, cloud: Cloud, deployment: str
) -> None:
    launched = [await machines.launch(a_request()) for _ in range(2)]
    for _ in range(2):
        await machines.terminate([NOBODY, *(instance.id for instance in launched)])
    await machines.terminate([NOBODY])

    assert cloud.instances(deployment) == []
    seen = await machines.look([instance.id for instance in launched])
    assert {each.state for each in seen.values()} <= {"ending", "gone"}


async def test_an_image_that_is_gone_is_called_so(
    machines: Machines, a_request: Requests, cloud: Cloud, deployment: str
) -> None:
    with pytest.raises(NoSuchImage):
        await machines.launch(a_request(image="ami-0123456789abcdef0"))

    assert cloud.instances(deployment) == []


async def test_a_type_that_ec2_does_not_have_is_called_so(machines: Machines, a_request: Requests) -> None:
    with pytest.raises(NoSuchType):
        await machines.launch(a_request(instance_type="x9.tiny"))


async def test_a_group_that_is_gone_is_called_so(machines: Machines, a_request: Requests) -> None:
    with pytest.raises(NotThere):
        await machines.launch(a_request(security_groups=("sg-0123456789abcdef0",)))


async def test_a_launch_without_capacity_can_be_repeated_under_the_same_token(
    machines: Machines, a_request: Requests, cloud: Cloud
) -> None:
    request = a_request()
    cloud.break_next("capacity", times=2)
    with pytest.raises(NoCapacity):
        await machines.launch(request)

    cloud.mend()
    assert (await machines.launch(request)).seen.state == "alive"


async def test_the_same_token_for_something_else_is_refused_and_starts_nothing(
    machines: Machines, a_request: Requests, cloud: Cloud, deployment: str
) -> None:
    request = a_request()
    first = await machines.launch(request)
    other = await machines.launch(msgspec.structs.replace(request, disk_gib=20))

    assert other.id == first.id  # it is found by its tag before it is asked for
    assert len(cloud.instances(deployment)) == 1
