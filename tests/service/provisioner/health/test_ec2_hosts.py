"""The same with the EC2 driver and machines of the local cloud: what EC2 says, and what SSH and TCP show."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncssh
import pytest

from s4_contracts.ids import GridId
from s4_contracts.provisioner import InstanceLost
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.health.watch import Watch
from s4_provisioner.lifecycle import Stage
from support.grid_cloud import Cloud
from support.provisioner import Desk, a_desk, an_ssh_key
from support.waiting import until

AT_ONCE = timedelta(0)


@pytest.fixture
async def desk(database: str, cloud: Cloud) -> AsyncIterator[Desk]:
    limits = {"silent_limit": AT_ONCE, "impaired_limit": AT_ONCE, "check_every": AT_ONCE, "report_every": AT_ONCE}
    async with a_desk(database, cloud, **limits) as desk:
        yield desk
    cloud.mend()


async def a_ready_grid(desk: Desk) -> tuple[GridId, Host]:
    async with desk.converging():
        grid_id = await desk.pay()
        grid = await desk.comes_to(grid_id, Stage.READY, within=60)
    assert grid.host
    return grid_id, grid.host


async def look(desk: Desk) -> None:
    await desk.pool.execute("update hosts set look_at = $1 where look_at is not null", desk.tools.clock.now())
    await Watch(desk.pool, desk.tools).round()


async def column(desk: Desk, host: Host, name: str) -> object:
    return await desk.pool.fetchval(f"select {name} from hosts where id = $1", host.id)  # noqa: S608  a column


def incident(cloud: Cloud, host: Host, kind: str, **more: object) -> None:
    cloud.control("POST", "/faults", {"kind": kind, "instance_id": host.instance_id, **more})


async def test_a_fine_machine_is_fine_and_tells_how_it_is(desk: Desk) -> None:
    _, host = await a_ready_grid(desk)

    await look(desk)
    await look(desk)

    assert await column(desk, host, "bad_since") is None
    assert await column(desk, host, "disk_free_mib") == 9999


async def test_a_machine_that_ec2_has_terminated_is_lost_and_another_serves(desk: Desk, cloud: Cloud) -> None:
    grid_id, host = await a_ready_grid(desk)
    cloud.client("ec2").terminate_instances(InstanceIds=[host.instance_id])

    async def is_lost() -> bool:
        await look(desk)
        return bool(await desk.events(InstanceLost, grid_id))

    await until(is_lost, within=20, what="the loss is told")
    async with desk.converging():
        again = await desk.comes_to(grid_id, Stage.READY, within=60)

    assert again.host
    assert again.host.id != host.id
    assert cloud.address_of(again.dns_name) == [str(again.host.address)]
    assert len(await desk.events(InstanceLost, grid_id)) == 1


async def test_a_machine_that_is_cut_off_is_lost_at_the_second_look_and_ended_before_another_serves(
    desk: Desk, cloud: Cloud
) -> None:
    grid_id, host = await a_ready_grid(desk)
    incident(cloud, host, "unreachable")

    await look(desk)
    assert await desk.events(InstanceLost, grid_id) == []
    await look(desk)

    (lost,) = await desk.events(InstanceLost, grid_id)
    assert lost.code == "unreachable"
    async with desk.converging():
        await desk.comes_to(grid_id, Stage.READY, within=60)
    living = [each["InstanceId"] for each in cloud.instances(desk.settings.deployment)]
    assert host.instance_id not in living


async def test_a_machine_whose_checks_fail_is_lost_although_it_answers(desk: Desk, cloud: Cloud) -> None:
    grid_id, host = await a_ready_grid(desk)
    incident(cloud, host, "impaired", checks=["system"])

    await look(desk)
    await look(desk)

    (lost,) = await desk.events(InstanceLost, grid_id)
    assert lost.code == "impaired"


async def test_a_machine_that_will_be_retired_takes_no_more_grids(desk: Desk, cloud: Cloud) -> None:
    grid_id, host = await a_ready_grid(desk)
    incident(cloud, host, "event", code="instance-retirement", seconds=14 * 86_400)

    await look(desk)

    assert (await column(desk, host, "wanted"), await column(desk, host, "reason")) == ("drained", "retirement")
    assert await desk.events(InstanceLost, grid_id) == []


async def test_a_machine_with_another_host_key_is_told_nothing_and_alarms(desk: Desk) -> None:
    grid_id, host = await a_ready_grid(desk)
    other = another_public_key()
    await desk.pool.execute("update hosts set host_key = $2 where id = $1", host.id, other)

    for _ in range(3):
        await look(desk)

    assert await column(desk, host, "alarm") == "strange-host-key"
    assert await desk.events(InstanceLost, grid_id) == []


def another_public_key() -> str:
    return asyncssh.import_private_key(an_ssh_key()).export_public_key().decode()
