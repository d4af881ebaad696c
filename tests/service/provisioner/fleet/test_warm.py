"""How stock is kept: real PostgreSQL, real leases, hosts that are entries in a dictionary."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from random import Random

import msgspec
import pytest

from s4_aws.trouble import QuotaReached
from s4_contracts.ids import HostId
from s4_provisioner.fleet import store as hosts
from s4_provisioner.fleet.warm import Warm
from s4_provisioner.lifecycle import Stage
from support.fleets import a_fleet, standing
from support.memory_hosts import MemoryHosts
from support.provisioner import Desk, a_desk_without_aws
from support.scripted_steps import scripted
from support.waiting import until

Opening = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture
def opened(database: str) -> Opening:
    """A desk with a fleet in which the pool `alone` is as given."""

    @asynccontextmanager
    async def opening(**alone: object) -> AsyncIterator[Desk]:
        async with a_desk_without_aws(database, fleet=a_fleet(alone=alone)) as desk:
            yield desk

    return opening


def warm_of(desk: Desk) -> Warm:
    return Warm(desk.pool, desk.tools, Random(3))


def machines_of(desk: Desk) -> MemoryHosts:
    (driver,) = desk.tools.drivers.values()
    assert isinstance(driver, MemoryHosts)
    return driver


async def comes_to(desk: Desk, **wanted: int) -> None:
    async def is_so() -> bool:
        return (await standing(desk.pool, "alone")).items() >= wanted.items()

    await until(is_so, within=20, what=f"the pool has {wanted}")


async def test_hosts_stand_ready_before_anybody_pays(opened: Opening) -> None:
    async with opened(warm=2) as desk, desk.converging(scripted()):
        await comes_to(desk, ready=2, coming=0, taken=0)
        assert len(machines_of(desk).machines) == 2


async def test_a_grid_takes_a_ready_host_and_another_follows(opened: Opening) -> None:
    async with opened(warm=1) as desk, desk.converging(scripted()):
        await comes_to(desk, ready=1)
        (ready,) = machines_of(desk).machines
        grid = await desk.comes_to(await desk.pay(), Stage.READY)

        assert grid.host is not None
        assert grid.host.id == ready
        await comes_to(desk, ready=1, coming=0, taken=1)


async def test_many_looks_at_once_ask_for_no_host_too_many(opened: Opening) -> None:
    async with opened(warm=3) as desk:
        await asyncio.gather(*(warm_of(desk).round() for _ in range(6)))

        assert await standing(desk.pool, "alone") == {"ready": 0, "coming": 3, "taken": 0}


async def test_two_grids_placed_at_once_do_not_get_the_same_host(opened: Opening) -> None:
    async with opened(warm=4) as desk, desk.converging(scripted()):
        await comes_to(desk, ready=4)
        paid = await asyncio.gather(*(desk.pay() for _ in range(4)))
        grids = [await desk.comes_to(grid_id, Stage.READY) for grid_id in paid]

        assert len({grid.host.id for grid in grids if grid.host}) == 4
        await comes_to(desk, ready=4, coming=0, taken=4)
        assert len(machines_of(desk).machines) == 8


async def test_what_is_too_much_is_released_and_the_oldest_first(opened: Opening) -> None:
    async with opened(warm=3) as desk, desk.converging(scripted()):
        await comes_to(desk, ready=3)
        youngest = list(machines_of(desk).machines)[1]
        await desk.pool.execute("update hosts set created_at = now() + interval '1 second' where id = $1", youngest)
    async with opened(warm=1) as later:
        fewer = same_machines(later, desk)
        async with fewer.converging(scripted()):
            await comes_to(fewer, ready=1)
            await until(lambda: living(fewer) == [youngest], within=20, what="only the youngest is left")


def same_machines(later: Desk, earlier: Desk) -> Desk:
    """The later one, with the machines of the earlier."""
    return Desk(later.pool, msgspec.structs.replace(later.tools, drivers=earlier.tools.drivers), later.calendar)


def living(desk: Desk) -> list[HostId]:
    return [each.host_id for each in machines_of(desk).machines.values() if each.state == "alive"]


async def test_empty_hosts_of_another_image_are_replaced(opened: Opening) -> None:
    async with opened(warm=1, image="s4-node-1") as desk, desk.converging(scripted()):
        await comes_to(desk, ready=1)
    async with opened(warm=1, image="s4-node-2") as later:
        newer = same_machines(later, desk)
        async with newer.converging(scripted()):
            sql = "select array_agg(release) from hosts where stage = 'ready' and wanted = 'open'"
            await until(lambda: is_only(newer, sql, ["s4-node-2"]), within=20, what="only the newer image")


async def is_only(desk: Desk, sql: str, wanted: list[str]) -> bool:
    return bool(await desk.pool.fetchval(sql) == wanted)


async def test_empty_hosts_of_an_older_node_are_replaced_once_a_newer_one_was_seen(opened: Opening) -> None:
    async with opened(warm=1) as desk, desk.converging(scripted()):
        await comes_to(desk, ready=1)
        await desk.pool.execute("update hosts set version = 's4-node older'")
        await desk.comes_to(await desk.pay(), Stage.READY)
        await comes_to(desk, ready=1, coming=0, taken=1)
        sql = "select array_agg(version) from hosts where stage = 'ready' and not is_used and wanted = 'open'"
        await until(lambda: is_only(desk, sql, ["s4-node 0"]), within=20, what="the newer node")


async def test_a_pool_that_cannot_be_filled_is_asked_for_less_and_less(opened: Opening) -> None:
    async with opened(warm=3) as desk:
        machines_of(desk).fail("launch", *[QuotaReached("aws-quota-reached")] * 1000)
        slow = {"retry_base": timedelta(seconds=30), "retry_cap": timedelta(minutes=5)}
        async with desk.converging(scripted(), **slow):
            await until(lambda: failed(desk, 3), within=20, what="the first three have failed")
            asked = []
            for _ in range(12):
                await desk.pass_time(timedelta(seconds=31))
                await warm_of_slow(desk, slow).round()
                asked.append(await desk.pool.fetchval("select count(*) from hosts"))
    assert asked[-1] <= 3 + 4, asked


def warm_of_slow(desk: Desk, changed: dict[str, timedelta]) -> Warm:
    settings = msgspec.structs.replace(desk.settings, **changed)
    return Warm(desk.pool, msgspec.structs.replace(desk.tools, settings=settings), Random(3))


async def failed(desk: Desk, times: int) -> bool:
    return bool(await desk.pool.fetchval("select count(*) >= $1 from hosts where failed_code is not null", times))


async def test_once_hosts_can_be_had_again_the_pool_is_filled(opened: Opening) -> None:
    async with opened(warm=2) as desk:
        machines_of(desk).fail("launch", *[QuotaReached("aws-quota-reached")] * 3)
        async with desk.converging(scripted()):
            await until(lambda: failed(desk, 2), within=20, what="the first have failed")
            for _ in range(10):
                await desk.pass_time(timedelta(seconds=1))
                await warm_of(desk).round()
            await comes_to(desk, ready=2, coming=0)


async def test_nothing_is_left_of_a_host_that_failed_on_its_way(opened: Opening) -> None:
    async with opened(warm=1) as desk:
        machines_of(desk).fail("report", *[QuotaReached("strange")] * 1)
        async with desk.converging(scripted()):
            await until(lambda: failed(desk, 1), within=20, what="it has failed")
            (lost, *_) = machines_of(desk).machines.values()
            await desk.pass_time(timedelta(minutes=2))
            await warm_of(desk).round()
            await until(lambda: lost.state == "gone", within=20, what="its machine is gone")
            await comes_to(desk, ready=1)


async def test_a_host_whose_release_was_refused_is_released_later(opened: Opening) -> None:
    async with opened(warm=1) as desk, desk.converging(scripted()):
        await comes_to(desk, ready=1)
        (machine,) = machines_of(desk).machines.values()
        machines_of(desk).fail("terminate", QuotaReached("aws-refused"))
        async with desk.pool.transaction() as tx:
            await hosts.give_up(tx, machine.host_id, "a test", desk.tools.clock.now())
        sql = "select stage = 'failed' from hosts where id = $1"
        await until(lambda: desk.pool.fetchval(sql, machine.host_id), within=20, what="it cannot be released")
        await desk.pass_time(timedelta(minutes=2))
        await warm_of(desk).round()
        await until(lambda: machine.state == "gone", within=20, what="it is released")


async def test_hosts_that_are_gone_for_long_are_forgotten(opened: Opening) -> None:
    async with opened(warm=0) as desk, desk.converging(scripted()):
        host_id = await a_gone_host(desk)
        await desk.pass_time(timedelta(days=29))
        await warm_of(desk).round()
        assert await hosts.host(desk.pool, host_id)

        await desk.pass_time(timedelta(days=2))
        await warm_of(desk).round()
        assert await hosts.host(desk.pool, host_id) is None


async def a_gone_host(desk: Desk) -> HostId:
    grid = await desk.comes_to(await desk.pay(), Stage.READY)
    assert grid.host
    async with desk.pool.transaction() as tx:
        await hosts.give_up(tx, grid.host.id, "a test", desk.tools.clock.now())
        await hosts.depart(tx, grid.id, grid.host.id, stopped=True, now=desk.tools.clock.now())
    host_id, sql = grid.host.id, "select stage = 'gone' from hosts where id = $1"
    await until(lambda: desk.pool.fetchval(sql, host_id), within=20, what="the host is gone")
    return host_id


async def test_hosts_of_a_pool_that_is_no_more_are_released(opened: Opening, database: str) -> None:
    async with opened(warm=1) as desk, desk.converging(scripted()):
        await comes_to(desk, ready=1)
    other = a_fleet(otherwise="other", other={})
    async with a_desk_without_aws(database, fleet=other) as later:
        newer = same_machines(later, desk)
        async with newer.converging(scripted()):
            sql = "select count(*) = 0 from hosts where stage <> 'gone'"
            await until(lambda: newer.pool.fetchval(sql), within=20, what="no host is left")
