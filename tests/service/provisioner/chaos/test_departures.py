"""Nothing is left of a grid on a machine that is gone, whoever hears of that last."""

from random import Random

from s4_contracts.ids import HostId
from s4_provisioner import moves
from s4_provisioner.fleet import store as hosts
from s4_provisioner.fleet.lifecycle import HostStage
from s4_provisioner.fleet.warm import Warm
from s4_store import Pool
from support.ward import a_ward


async def test_a_grid_that_leaves_its_host_while_that_goes_has_left_nothing_there(database: str) -> None:
    async with a_ward(database) as ward:
        host_id, (grid_id,) = await ward.host()
        now = ward.tools.clock.now()
        async with ward.pool.transaction() as host:
            await hosts.give_up(host, host_id, "machine-gone", now)
            await hosts.gone(host, host_id, now)
            await hosts.enter(host, host_id, HostStage.GONE, now)
            async with ward.pool.transaction() as grid:
                await moves.relocate(grid, grid_id, now)
        assert await hosts.left_hosts(ward.pool, grid_id) == []
        await Warm(ward.pool, ward.tools, Random(1)).round()
        assert await _departures(ward.pool, host_id) == 0


async def _departures(pool: Pool, host_id: HostId) -> int:
    found: int = await pool.fetchval("select count(*) from departures where host_id = $1", host_id)
    return found
