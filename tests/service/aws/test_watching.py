"""What EC2 says of machines that are ill, or going to be taken away."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from s4_aws.machines import LaunchRequest, Machines
from s4_aws.watching import Status
from s4_runtime import new_id
from support.grid_cloud import Cloud
from support.waiting import until

NOBODY = "i-0123456789abcdef0"


@pytest.fixture
async def running(machines: Machines, deployment: str) -> list[str]:
    """Two machines that run."""
    image = await machines.image("s4-node-*")
    group = await machines.security_group(f"s4-{deployment}-hosts", (), {"s4:deployment": deployment})
    requests = [
        LaunchRequest(
            token=new_id(),
            image=image.id,
            root_device=image.root_device,
            instance_type="t3.micro",
            disk_gib=8,
            security_groups=(group,),
            user_data="#cloud-config\n{}\n",
            tags={"s4:deployment": deployment},
        )
        for _ in range(2)
    ]
    ids = [(await machines.launch(request)).id for request in requests]

    async def are_well() -> bool:
        found = await machines.status(ids)
        return [(each.system, each.instance) for each in found.values()] == [("ok", "ok")] * 2

    await until(are_well, within=60, what="both machines are well")
    return ids


async def test_machines_that_are_well_are_not_impaired(machines: Machines, running: list[str]) -> None:
    for status in (await machines.status(running)).values():
        assert not status.is_impaired
        assert status == Status("ok", "ok", status.disks)


@pytest.mark.parametrize("check", ["system", "instance"])
async def test_either_check_that_fails_is_seen(
    machines: Machines, running: list[str], cloud: Cloud, check: str
) -> None:
    ill, well = running
    cloud.break_next("impaired", instance_id=ill, checks=[check])
    status = await machines.status(running)

    assert status[ill].is_impaired
    assert getattr(status[ill], check) == "impaired"
    assert not status[well].is_impaired


async def test_a_machine_that_is_going_to_be_retired_is_known_before(
    machines: Machines, running: list[str], cloud: Cloud
) -> None:
    cloud.break_next("event", instance_id=running[0], code="instance-retirement", seconds=86400)
    status = await machines.status(running)

    (event,) = status[running[0]].events
    assert event.code == "instance-retirement"
    assert event.not_before
    assert timedelta(hours=23) < event.not_before - datetime.now(UTC) < timedelta(hours=25)
    assert status[running[1]].events == ()


async def test_an_event_that_is_over_is_none(machines: Machines, running: list[str], cloud: Cloud) -> None:
    cloud.break_next("event", instance_id=running[0], code="system-reboot", description="[Completed] Reboot")

    assert (await machines.status(running))[running[0]].events == ()


async def test_one_that_nobody_knows_hinders_nobody(machines: Machines, running: list[str]) -> None:
    assert (await machines.status([NOBODY, *running])).keys() == set(running)


async def test_for_many_the_region_is_read_in_pages(machines: Machines, running: list[str], cloud: Cloud) -> None:
    await asyncio.to_thread(cloud.calls)
    status = await machines.status([*running, *(f"i-{number:017x}" for number in range(998))])

    assert status.keys() == set(running)
    assert (await asyncio.to_thread(cloud.calls))["ec2:DescribeInstanceStatus"] <= 2


async def test_a_machine_that_ended_is_not_impaired(machines: Machines, running: list[str]) -> None:
    await machines.terminate(running)
    status = await machines.status(running)

    assert not any(each.is_impaired for each in status.values())
