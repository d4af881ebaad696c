"""How hosts grow old and are emptied: real PostgreSQL, hosts that are entries in a dictionary."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from functools import partial

import msgspec
import pytest

from s4_contracts.ids import GridId, HostId
from s4_contracts.provisioner import InstanceLost
from s4_provisioner.fleet import store as hosts
from s4_provisioner.fleet.retire import Retire, age_of
from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import Stage
from s4_provisioner.outcome import NotYet
from s4_runtime import Permanent
from support.fleets import a_fleet
from support.memory_hosts import MemoryHosts
from support.own_ports import payments_with_ports_of_their_own
from support.provisioner import Desk, a_desk_without_aws
from support.scripted_steps import Script, scripted
from support.waiting import until

Opening = Callable[..., AbstractAsyncContextManager[Desk]]
SHARED = {"isolation": "shard", "capacity": 50, "memory_mib": 900}


@pytest.fixture
def opened(database: str) -> Opening:
    """A desk with a fleet in which the pool `alone` is as given."""

    @asynccontextmanager
    async def opening(**alone: object) -> AsyncIterator[Desk]:
        fleet = a_fleet(alone=alone)
        async with a_desk_without_aws(database, fleet=fleet, retry_cap=timedelta(milliseconds=50)) as desk:
            yield desk

    return opening


async def some_grids(desk: Desk, number: int) -> list[Grid]:
    paid = [await desk.pay(payment) for payment in payments_with_ports_of_their_own(desk, number)]
    return [await desk.comes_to(grid_id, Stage.READY) for grid_id in paid]


async def retire_until(desk: Desk, predicate: Callable[[], object], what: str) -> None:
    async def after_a_round() -> object:
        await Retire(desk.pool, desk.tools).round()
        answer = predicate()
        return await answer if asyncio.iscoroutine(answer) else answer

    await until(after_a_round, within=30, what=what)


async def are_elsewhere(desk: Desk, grids: list[Grid]) -> bool:
    now = [await desk.grid(grid.id) for grid in grids]
    return all(
        grid.stage is Stage.READY and grid.host and before.host and grid.host.id != before.host.id
        for grid, before in zip(now, grids, strict=True)
    )


def machines_of(desk: Desk) -> MemoryHosts:
    (driver,) = desk.tools.drivers.values()
    assert isinstance(driver, MemoryHosts)
    return driver


async def drain(desk: Desk, host_id: HostId) -> None:
    async with desk.pool.transaction() as tx:
        await hosts.drain(tx, host_id, "a test", desk.tools.clock.now())


async def test_the_grid_of_an_old_host_moves_to_a_new_one_and_the_old_one_goes(opened: Opening) -> None:
    async with opened(max_age="P10D") as desk, desk.converging(scripted()):
        (grid,) = await some_grids(desk, 1)
        assert grid.host
        await desk.pass_time(timedelta(days=11))
        await retire_until(desk, partial(are_elsewhere, desk, [grid]), "the grid is on a new host")

        old = machines_of(desk).machine(grid.host.id)
        await until(lambda: old.state == "gone", within=20, what="the old machine is gone")
        assert len(machines_of(desk).serving(grid.id)) == 1
        assert await desk.events(InstanceLost, grid.id) == []


async def test_a_young_host_stays(opened: Opening) -> None:
    async with opened(max_age="P10D") as desk, desk.converging(scripted()):
        (grid,) = await some_grids(desk, 1)
        await desk.pass_time(timedelta(days=8))
        await Retire(desk.pool, desk.tools).round()
        assert not await desk.pool.fetchval("select count(*) from hosts where wanted <> 'open'")
        assert not await are_elsewhere(desk, [grid])


async def test_where_no_age_is_given_hosts_may_grow_old(opened: Opening) -> None:
    async with opened(max_age=None) as desk, desk.converging(scripted()):
        await some_grids(desk, 1)
        await desk.pass_time(timedelta(days=3000))
        await Retire(desk.pool, desk.tools).round()
        assert not await desk.pool.fetchval("select count(*) from hosts where wanted <> 'open'")


async def test_hosts_of_one_day_do_not_grow_old_at_once(opened: Opening) -> None:
    async with opened(max_age="P100D") as desk:
        pool = desk.tools.fleet.pools["alone"]
        ages = [age_of(HostId(f"00000000-0000-7000-8000-{number:012x}"), pool) for number in range(1000)]
        assert len(set(ages)) == 1000
        assert all(age and timedelta(days=90) < age <= timedelta(days=100) for age in ages)


async def test_only_a_share_of_the_hosts_is_drained_at_a_time(opened: Opening) -> None:
    async with opened(max_age="P1D") as desk:
        async with desk.converging(scripted()):
            await some_grids(desk, 20)
        await desk.pass_time(timedelta(days=2))
        await asyncio.gather(*(Retire(desk.pool, desk.tools).round() for _ in range(4)))
        await Retire(desk.pool, desk.tools).round()
        assert await desk.pool.fetchval("select count(*) from hosts where wanted = 'drained'") == 2


async def test_all_grids_leave_a_drained_host_a_few_at_a_time(opened: Opening) -> None:
    async with opened(**SHARED) as desk, desk.converging(scripted()):
        grids = await some_grids(desk, 5)
        (host_id,) = {grid.host.id for grid in grids if grid.host}
        await drain(desk, host_id)
        sql = "select count(distinct grid_id) from departures where state = 'serving'"
        at_once: list[int] = []

        async def all_moved() -> bool:
            at_once.append(await desk.pool.fetchval(sql))
            return await are_elsewhere(desk, grids)

        settings = msgspec.structs.replace(desk.settings, moves_at_once=2)
        narrow = Desk(desk.pool, msgspec.structs.replace(desk.tools, settings=settings), desk.calendar)
        await retire_until(narrow, all_moved, "all grids are elsewhere")
        assert max(at_once) <= 2
        old = machines_of(desk).machine(host_id)
        await until(lambda: old.state == "gone", within=20, what="the drained machine is gone")


async def test_a_grid_goes_on_being_served_until_its_new_host_is_ready(opened: Opening) -> None:
    async with opened() as desk:
        async with desk.converging(scripted()):
            (grid,) = await some_grids(desk, 1)
        assert grid.host
        await drain(desk, grid.host.id)
        script = Script({Stage.BOOT: [NotYet(timedelta(hours=1))]})
        async with desk.converging(scripted(script)):
            await Retire(desk.pool, desk.tools).round()
            await until(lambda: script.calls(Stage.BOOT), within=20, what="the grid waits for its new host")
            assert machines_of(desk).serving(grid.id) == [grid.host.id]


async def test_nobody_moves_for_age_while_no_host_can_be_had(opened: Opening) -> None:
    async with opened(max_age="P1D") as desk:
        async with desk.converging(scripted()):
            await some_grids(desk, 1)
        await desk.pass_time(timedelta(days=2))
        await desk.pool.execute(
            "insert into hosts (id, pool, driver, region, release, capacity, stage, stage_since, failed_code,"
            " created_at, wanted) select gen_random_uuid(), pool, driver, region, release, 1, 'failed', $1, 'x', $1,"
            " 'open'"
            " from hosts limit 1",
            desk.tools.clock.now(),
        )
        await Retire(desk.pool, desk.tools).round()
        assert not await desk.pool.fetchval("select count(*) from hosts where wanted = 'drained'")
        await desk.pass_time(timedelta(hours=2))
        await Retire(desk.pool, desk.tools).round()
        assert await desk.pool.fetchval("select count(*) from hosts where wanted = 'drained'") == 1


async def test_a_grid_that_failed_on_a_drained_host_is_tried_elsewhere(opened: Opening) -> None:
    async with opened() as desk:
        async with desk.converging(scripted(Script({Stage.NODE: [Permanent("strange-host")]}))):
            grid_id = await desk.pay()
            failed = await desk.rests(grid_id)
        assert failed.stage is Stage.FAILED
        assert failed.host
        await drain(desk, failed.host.id)
        async with desk.converging(scripted()):
            await Retire(desk.pool, desk.tools).round()
            assert (await desk.grid(grid_id)).stage is Stage.FAILED, "a person has a moment to look"
            await desk.pass_time(timedelta(minutes=11))
            await retire_until(desk, partial(are_elsewhere, desk, [failed]), "the grid is ready elsewhere")


async def test_many_looks_at_once_move_a_grid_once(opened: Opening) -> None:
    async with opened() as desk, desk.converging(scripted()):
        (grid,) = await some_grids(desk, 1)
        assert grid.host
        await drain(desk, grid.host.id)
        await asyncio.gather(*(Retire(desk.pool, desk.tools).round() for _ in range(5)))
        await retire_until(desk, partial(are_elsewhere, desk, [grid]), "the grid is elsewhere")
        assert await hosts_ever(desk, grid.id) == 2


async def hosts_ever(desk: Desk, grid_id: GridId) -> int:
    return len([each for each in machines_of(desk).machines.values() if grid_id in each.payloads])
