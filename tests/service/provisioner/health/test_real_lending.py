"""Sessions end, and with nothing in place of anything the nodes get others, without a restart."""

import asyncio
import secrets
from datetime import timedelta
from pathlib import Path

import pytest

from s4_provisioner import lending, names
from s4_provisioner.capability import furl_of
from s4_provisioner.health.loops import health
from s4_provisioner.lifecycle import Stage
from s4_shop.demo.tahoe import TahoeClient, TahoeFailed
from support.grid_cloud import Cloud
from support.provisioner import Desk, a_desk, real_probe, real_tahoe
from support.waiting import until

QUICK = {"look_every": timedelta(seconds=2), "report_every": timedelta(seconds=2)}


async def lent_anew(desk: Desk, grid_id: str, after: object) -> object:
    async def is_later() -> object:
        until_then = await desk.pool.fetchval("select lent_until from grids where id = $1", grid_id)
        return until_then if until_then is not None and until_then > after else None

    return await until(is_later, within=60, what="the node has another session")


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_grid_whose_sessions_were_ended_is_lent_others_and_serves_on_without_a_restart(
    database: str, tahoe_cloud: Cloud, tmp_path: Path
) -> None:
    content = secrets.token_bytes(500_000)
    async with a_desk(database, tahoe_cloud, probe_command=real_probe(tahoe_cloud), **QUICK) as desk:
        async with desk.converging():
            grid_id = await desk.pay()
            grid = await desk.comes_to(grid_id, Stage.READY, within=120)
        furl = furl_of(grid, desk.tools.seal, hint=True).reveal()
        with tahoe_cloud.enforcing():
            async with TahoeClient.running(real_tahoe(tahoe_cloud, tmp_path), furl) as client:
                file = await client.put(content)
                lent = await desk.pool.fetchval("select lent_until from grids where id = $1", grid_id)
                role = names.role(desk.settings.deployment)
                tahoe_cloud.control("POST", "/faults", {"kind": "ended-sessions", "role": role})
                with pytest.raises(TahoeFailed):
                    await client.get(file)

                watching = asyncio.create_task(health(desk.pool, desk.tools))
                try:
                    again = await lent_anew(desk, grid_id, lent)
                    assert await client.get_again(file, within=60) == content
                    async with desk.pool.transaction() as tx:
                        await lending.renew(tx, [grid_id], desk.tools.clock.now())
                    await lent_anew(desk, grid_id, again)
                    assert await client.get(file) == content
                finally:
                    watching.cancel()
                    await asyncio.gather(watching, return_exceptions=True)
        steps = [step for step, _ in await desk.steps(grid_id)]
    assert steps.count("node") == 1, "it was never restarted"
