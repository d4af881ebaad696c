"""No grid is ever served from two hosts, and none waits for ever for a host that it lost."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from s4_contracts.ids import GridId
from s4_contracts.provisioner import InstanceLost, InstanceRecovered
from s4_provisioner import asked, moves
from s4_provisioner.grids import Incomplete
from s4_provisioner.health import grid_store
from s4_provisioner.lifecycle import Stage, Wanted
from s4_provisioner.outcome import MachineLost
from support.scripted_steps import Script
from support.waiting import until
from support.ward import Ward, a_ward

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def ward(database: str) -> AsyncIterator[Ward]:
    async with a_ward(database) as ward:
        yield ward


async def remove(ward: Ward, grid: GridId) -> None:
    async with ward.pool.transaction() as tx:
        await asked.remove(tx, grid)
        await moves.heed(tx, grid, ward.tools.clock.now())


async def serve_again(ward: Ward, grid: GridId) -> None:
    async with ward.pool.transaction() as tx:
        assert await asked.serve(tx, grid, 7)
        await moves.heed(tx, grid, ward.tools.clock.now(), retry=True, anew=True)


@pytest.mark.parametrize("how", ["is_silent", "is_strange"])
async def test_a_grid_that_is_wanted_again_while_its_host_cannot_be_reached_is_not_served_twice(
    ward: Ward, how: str
) -> None:
    host, (grid,) = await ward.host()
    machine = ward.machine(host)
    setattr(machine, how, True)

    async with ward.converging():
        await remove(ward, grid)
        is_leaving = "select stage = 'release' and attempts > 1 from grids where id = $1"
        await until(lambda: ward.pool.fetchval(is_leaving, grid), within=30, what="its host does not answer")
        await serve_again(ward, grid)
        is_waiting = "select attempts > 1 and stage = any($2) from grids where id = $1"
        before = [Stage.RELEASE.value, Stage.NODE.value, Stage.BOOT.value]
        await until(lambda: ward.pool.fetchval(is_waiting, grid, before), within=30, what="it waits for its host")
        assert ward.hosts.serving(grid) == [host]
        machine.state = "gone"
        await ward.look(MINUTE)
        await ward.recovers(grid, host)


async def test_a_grid_whose_host_was_lost_while_it_waited_for_a_person_finds_another_one(ward: Ward) -> None:
    host, (grid,) = await ward.host()
    await ward.pool.execute("update grids set stage = 'failed', failed_stage = 'boot' where id = $1", grid)
    ward.machine(host).state = "gone"
    await ward.look()

    async with ward.converging():
        async with ward.pool.transaction() as tx:
            await moves.heed(tx, grid, ward.tools.clock.now(), retry=True)
        await ward.recovers(grid, host)


async def test_a_host_that_was_given_up_is_not_looked_at_again_for_a_grid_that_it_had(ward: Ward) -> None:
    host, (grid,) = await ward.host()
    ward.unheard.add(grid)
    ward.machine(host).state = "gone"
    await ward.look()
    lost_at = await ward.of_host(host, "lost_at")
    # A look that was under way meanwhile names the host that the grid had.
    async with ward.pool.transaction() as tx:
        await grid_store.look_at_host(tx, [host], ward.tools.clock.now())
    await ward.look(MINUTE)

    assert await ward.of_host(host, "look_at") is None
    assert await ward.of_host(host, "lost_at") == lost_at


@pytest.mark.parametrize("wanted", [Wanted.SUSPENDED, Wanted.ABSENT])
async def test_a_grid_that_waits_for_a_host_that_boots_can_stop_and_leave(ward: Ward, wanted: Wanted) -> None:
    host, (grid,) = await ward.host()
    booting = "update hosts set stage = 'boot', ready_at = null, address = null, look_at = null where id = $1"
    await ward.pool.execute(booting, host)
    await ward.pool.execute("update grids set stage = 'boot', proved_at = null where id = $1", grid)
    ward.hosts.fail("stop", Incomplete("grid-incomplete"))  # as of a host without an address

    async with ward.converging():
        async with ward.pool.transaction() as tx:
            await tx.execute("update grids set wanted = $2 where id = $1", grid, wanted)
            await moves.heed(tx, grid, ward.tools.clock.now())
        found = await ward.desk.rests(grid)
        assert (found.stage, found.host) == ({"suspended": Stage.SUSPENDED, "absent": Stage.ABSENT}[wanted], None)
        await until(lambda: ward.machine(host).state == "gone", within=30, what="the machine is gone")


async def test_grids_that_find_at_once_that_their_host_is_gone_and_those_that_were_ready_there_all_leave_it(
    ward: Ward,
) -> None:
    host, grids = await ward.host(grids=8)
    ward.machine(host).state = "gone"
    _, *starting = grids
    await ward.pool.execute(
        "update grids set stage = 'node', due_at = now(), lent_until = null where id = any($1::uuid[])", starting
    )
    script = Script({Stage.NODE: [MachineLost("machine-gone") for _ in starting]})

    async with ward.converging(script):
        for grid in grids:
            await ward.recovers(grid, host)

    (lost,) = await ward.told(InstanceLost, grids[0])
    assert lost.host_id == host
    assert len(await ward.told(InstanceRecovered, grids[0])) == 1
