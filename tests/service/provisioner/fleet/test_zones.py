"""In which zone a host is asked for, and what happens where there is none."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from s4_aws.trouble import NoCapacity
from s4_contracts.provisioner import CapacityReported
from s4_provisioner.fleet.capacity import Capacity
from s4_provisioner.fleet.growth import add_host
from s4_provisioner.fleet.store import fail
from s4_provisioner.lifecycle import Stage
from s4_store.testing import emitted
from support.fleets import a_fleet
from support.memory_hosts import MemoryHosts
from support.provisioner import Desk, a_desk_without_aws
from support.scripted_steps import scripted
from support.waiting import until

ZONES = ["a", "b", "c"]


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    async with a_desk_without_aws(database, fleet=a_fleet(alone={"zones": ZONES}, plans={"team": "alone"})) as desk:
        yield desk


def no_capacity(times: int) -> list[Exception]:
    return [NoCapacity("aws-no-capacity", retry_after=timedelta(seconds=1)) for _ in range(times)]


def machines_of(desk: Desk) -> MemoryHosts:
    (driver,) = desk.tools.drivers.values()
    assert isinstance(driver, MemoryHosts)
    return driver


async def zones(desk: Desk) -> list[str]:
    return [row["zone"] for row in await desk.pool.fetch("select zone from hosts order by created_at, id")]


async def test_hosts_are_spread_over_the_zones(desk: Desk) -> None:
    pool = desk.tools.fleet.pools["alone"]
    for _ in range(6):
        async with desk.pool.transaction() as tx:
            await add_host(tx, "alone", pool, pool.image, desk.tools.clock.now())
    assert sorted(await zones(desk)) == sorted(ZONES * 2)


async def test_a_zone_without_machines_is_asked_last_for_a_while(desk: Desk) -> None:
    pool = desk.tools.fleet.pools["alone"]
    async with desk.pool.transaction() as tx:
        refused = await add_host(tx, "alone", pool, pool.image, desk.tools.clock.now())
        await fail(tx, refused, "aws-no-capacity", desk.tools.clock.now())
        for _ in range(2):
            await add_host(tx, "alone", pool, pool.image, desk.tools.clock.now())
            await add_host(tx, "alone", pool, pool.image, desk.tools.clock.now())
    first, *others = await zones(desk)
    assert first not in others

    await desk.pass_time(timedelta(minutes=11))
    async with desk.pool.transaction() as tx:
        await add_host(tx, "alone", pool, pool.image, desk.tools.clock.now())
    assert (await zones(desk))[-1] == first


async def test_a_grid_gets_a_host_in_another_zone_where_its_own_has_none(desk: Desk) -> None:
    machines_of(desk).fail("launch", *no_capacity(2))
    async with desk.converging(scripted()):
        await desk.comes_to(await desk.pay(), Stage.READY)
    asked = await desk.pool.fetch("select failed_code, ready_at is not null as is_ready from hosts order by created_at")
    assert [tuple(row) for row in asked] == [
        *(("aws-no-capacity", False), ("aws-no-capacity", False), (None, True)),
    ]


async def test_where_no_zone_has_any_the_last_is_asked_again_and_nothing_is_sold(desk: Desk) -> None:
    machines_of(desk).fail("launch", *no_capacity(4))
    async with desk.converging(scripted()):
        grid_id = await desk.pay()
        sql = "select count(*) = 1 from hosts where trouble = 'aws-no-capacity'"
        await until(lambda: desk.pool.fetchval(sql), within=20, what="the last zone has none either")
        await Capacity(desk.pool, desk.tools).round()
        told = [event for event in await emitted(desk.pool) if isinstance(event, CapacityReported)]
        assert (told[-1].can_build, told[-1].code, told[-1].plans) == (False, "aws-no-capacity", ["personal", "team"])
        for _ in range(5):
            await desk.pass_time(timedelta(seconds=2))
        await desk.comes_to(grid_id, Stage.READY)
    assert len(await zones(desk)) == 3
