"""What every driver promises (drivers/contract.py), also the one of other tests that has its hosts in memory."""

from datetime import UTC, datetime

import pytest

from s4_contracts.ids import GridId
from s4_provisioner.drivers.contract import HostSilent
from s4_runtime import new_id
from support.driver_scenes import PATIENCE, Scene, a_payload, a_session
from support.waiting import until


def a_grid() -> GridId:
    return GridId(new_id())


class TestHosts:
    """Hosts come, are looked at, and go."""

    async def test_a_host_that_is_launched_twice_is_one(self, scene: Scene) -> None:
        host, key = await scene.planned()

        first = await scene.driver.launch(host, key)
        second = await scene.driver.launch(host, key)

        assert first == second
        assert [left.host_id for left in await scene.driver.leftovers()] == [host.id]

    async def test_many_are_looked_at_at_once_and_the_unknown_are_missing(self, scene: Scene) -> None:
        there, other = await scene.up(), await scene.up()
        unknown, _ = await scene.planned()

        seen = await scene.driver.look([there, other, unknown])

        assert {host: machine.state for host, machine in seen.items()} == {there.id: "alive", other.id: "alive"}
        assert seen[there.id].id == there.instance_id

    async def test_a_host_says_how_it_is(self, scene: Scene) -> None:
        host = await scene.up()

        report = await scene.driver.report(host)

        assert report.version
        assert report.grids == {}
        assert abs(report.clock - datetime.now(UTC).timestamp()) < 5

    async def test_a_host_that_vanished_is_seen_to_be_gone_and_is_silent(self, scene: Scene) -> None:
        host = await scene.up()

        scene.lose(host)

        async def is_gone() -> bool:
            machine = (await scene.driver.look([host])).get(host.id)
            return machine is None or machine.state == "gone"

        await until(is_gone, within=20, what="the host is gone")
        assert not await scene.driver.greets(host)
        with pytest.raises(HostSilent):
            await scene.driver.report(host)

    async def test_a_terminated_host_leaves_nothing_and_may_be_terminated_again(self, scene: Scene) -> None:
        host = await scene.up()
        await scene.serves(host, a_grid())

        await until(lambda: scene.driver.terminate(host), within=30, what="it is gone")

        assert await scene.driver.terminate(host)
        assert await scene.driver.leftovers() == []

    async def test_a_host_that_never_was_is_terminated_at_once(self, scene: Scene) -> None:
        host, key = await scene.planned()
        await scene.driver.launch(host, key)  # and nobody wrote down that it was

        await until(lambda: scene.driver.terminate(host), within=30, what="it is gone")

        assert await scene.driver.leftovers() == []


class TestGrids:
    """Grids on a host: served, stopped, lent to, removed."""

    async def test_a_grid_that_is_applied_twice_is_served_once(self, scene: Scene) -> None:
        host, grid = await scene.up(), a_grid()
        payload = a_payload(grid)

        first = await scene.driver.apply(host, grid, payload, PATIENCE)
        second = await scene.driver.apply(host, grid, payload, PATIENCE)

        assert first is not None
        assert first == second
        report = (await scene.driver.report(host)).grids
        assert {each: (grid.state, grid.is_listening) for each, grid in report.items()} == {grid: ("running", True)}

    async def test_several_grids_are_on_one_host(self, scene: Scene) -> None:
        host, grids = await scene.up(), [a_grid(), a_grid()]

        for number, grid in enumerate(grids):
            await scene.serves(host, grid, port=34011 + 2 * number)

        assert set((await scene.driver.report(host)).grids) == set(grids)

    async def test_a_grid_is_stopped_and_started_again(self, scene: Scene) -> None:
        host, grid = await scene.up(), a_grid()
        await scene.serves(host, grid)

        await scene.driver.stop(host, grid)
        await scene.driver.stop(host, grid)

        stopped = (await scene.driver.report(host)).grids.get(grid)
        assert stopped is None or not stopped.is_listening
        await scene.serves(host, grid)
        assert (await scene.driver.report(host)).grids[grid].is_listening

    async def test_a_grid_that_is_removed_is_not_there_and_the_others_are(self, scene: Scene) -> None:
        host, grid, other = await scene.up(), a_grid(), a_grid()
        await scene.serves(host, grid)
        await scene.serves(host, other, port=34021)

        await scene.driver.remove(host, grid)
        await scene.driver.remove(host, grid)

        assert set((await scene.driver.report(host)).grids) == {other}

    async def test_what_was_never_there_can_be_stopped_and_removed(self, scene: Scene) -> None:
        host = await scene.up()

        await scene.driver.stop(host, a_grid())
        await scene.driver.remove(host, a_grid())

    async def test_a_session_is_lent_to_grids_and_who_is_not_there_is_named(self, scene: Scene) -> None:
        host, grid, absent = await scene.up(), a_grid(), a_grid()
        await scene.serves(host, grid)
        session = a_session(hours=2)

        first = await scene.driver.lend(host, {grid: session, absent: session})
        second = await scene.driver.lend(host, {grid: session})

        assert (first, second) == ({absent}, set())
        assert (await scene.driver.report(host)).grids[grid].is_listening

    async def test_what_was_made_is_found_by_whom_it_is_for(self, scene: Scene) -> None:
        host, grid = await scene.up(), a_grid()
        await scene.serves(host, grid)

        found = await scene.driver.leftovers()

        assert {left.kind for left in found} == scene.leftover_kinds
        assert {left.host_id for left in found} == {host.id}
        assert {left.grid_id for left in found} <= {grid, None}
        assert all(left.created_at is not None for left in found)
