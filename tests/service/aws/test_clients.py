"""Every call goes at the pace of its kind, and learns from AWS when that is too fast."""

import asyncio
from ipaddress import IPv4Address

import pytest

from s4_aws.budget import budget
from s4_aws.clients import Clients, Regions, open_regions
from s4_aws.machines import Machines
from s4_aws.pace import Pace
from s4_aws.trouble import AwsUnavailable, OutOfTime, aws_errors
from s4_aws.zones import Zone
from s4_runtime import SystemClock, new_id
from support.grid_cloud import REGION, ZONE, Cloud


async def test_a_region_is_opened_once(regions: Regions) -> None:
    first, second = await asyncio.gather(regions.of(REGION), regions.of(REGION))

    assert first is second


async def test_services_that_have_no_regions_are_the_same_in_all(regions: Regions) -> None:
    here, there = await regions.of(REGION), await regions.of("eu-central-1")

    assert here.iam is there.iam
    assert here.route53 is there.route53
    assert here.ec2 is not there.ec2
    assert there.ec2.meta.region_name == "eu-central-1"


async def test_one_answer_that_asks_for_less_is_heard_and_the_call_is_repeated(clients: Clients, cloud: Cloud) -> None:
    cloud.break_next("throttle", action="DescribeImages")
    with aws_errors():
        await clients.ec2.describe_images(Owners=["self"])

    assert 0.5 <= clients.pace.ratio("ec2", "DescribeImages", REGION) < 0.6
    assert clients.pace.ratio("ec2", "DescribeInstances", REGION) == 1.0


@pytest.mark.parametrize(
    ("action", "service", "place"),
    [("CreateBucket", "s3", REGION), ("GetRole", "iam", ""), ("GetChange", "route53", "")],
)
async def test_every_service_has_its_own_way_to_ask_for_less_and_all_are_heard(
    clients: Clients, cloud: Cloud, action: str, service: str, place: str
) -> None:
    cloud.break_next("throttle", action=action)
    with aws_errors("NoSuchEntity", "NoSuchChange"):
        match service:
            case "s3":
                await clients.s3.create_bucket(Bucket=f"s4-{new_id()}")
            case "iam":
                await clients.iam.get_role(RoleName="nobody")
            case _:
                await clients.route53.get_change(Id="C0")

    assert clients.pace.ratio(service, action, place) < 0.6


async def test_a_call_that_is_throttled_again_is_left_to_the_caller(clients: Clients, cloud: Cloud) -> None:
    cloud.break_next("throttle", action="DescribeImages", times=2)

    with pytest.raises(AwsUnavailable, match="RequestLimitExceeded"), aws_errors():
        await clients.ec2.describe_images(Owners=["self"])
    assert cloud.faults_left() == 0


async def test_a_call_whose_turn_is_too_far_is_not_made(clients: Clients, cloud: Cloud) -> None:
    for _ in range(8):
        clients.pace.throttled("ec2", "TerminateInstances", REGION)
    await asyncio.to_thread(cloud.calls)

    with pytest.raises(OutOfTime) as told:
        async with budget(0.01):
            await Machines(clients.ec2).terminate(["i-0123456789abcdef0"])

    assert told.value.retry_after
    assert "ec2:TerminateInstances" not in await asyncio.to_thread(cloud.calls)


async def test_a_budget_ends_calls_that_take_too_long(clients: Clients, cloud: Cloud) -> None:
    cloud.control("PUT", "/traffic/latency", {"action": "DescribeKeyPairs", "seconds": 3})

    with pytest.raises(OutOfTime, match="aws-out-of-time"):
        async with budget(0.2):
            await clients.ec2.describe_key_pairs()  # which nobody else asks for, while this one is still under way


async def test_who_keeps_to_the_documented_rates_is_not_throttled(cloud: Cloud) -> None:
    """Route 53 as it documents itself, and three hundred names that change in the same moment."""
    cloud.control("PUT", "/traffic/rates", {"action": "route53:*", "per_second": 5, "burst": 5})
    async with open_regions(cloud.endpoint, pace=Pace(SystemClock())) as regions:
        zone = Zone((await regions.of(REGION)).route53, ZONE)
        names = [f"g{new_id()}.{ZONE}" for _ in range(300)]
        await asyncio.gather(*(zone.point(name, IPv4Address("192.0.2.1")) for name in names))
        drift = await zone.drift(dict.fromkeys(names, IPv4Address("192.0.2.1")))

    counted = await asyncio.to_thread(cloud.control, "DELETE", "/calls")
    assert drift == {}
    assert {each["throttled"] for name, each in counted["calls"].items() if name.startswith("route53")} == {0}


async def test_who_is_throttled_slows_down_until_it_is_not(clients: Clients, cloud: Cloud) -> None:
    """AWS allows less at once than it documents: thirty calls come, most are refused, nearly all succeed at last."""
    cloud.control("PUT", "/traffic/rates", {"action": "DescribeImages", "per_second": 20, "burst": 10})
    calls = (clients.ec2.describe_images(Owners=["self"]) for _ in range(30))
    answers = await asyncio.gather(*calls, return_exceptions=True)

    assert sum(isinstance(answer, dict) for answer in answers) >= 27
    assert clients.pace.ratio("ec2", "DescribeImages", REGION) < 0.9
