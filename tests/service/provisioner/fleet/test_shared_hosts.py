"""Several customers on one host, with nothing in place of anything: shards of Tahoe-LAFS nodes, and real clients."""

import asyncio
import secrets
import shlex
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from s4_contracts.ids import GridId
from s4_provisioner.capability import furl_of
from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import Stage
from s4_shop.demo.tahoe import TahoeClient, TahoeFailed
from support.fleets import a_fleet
from support.grid_cloud import Cloud
from support.own_ports import payments_with_ports_of_their_own
from support.provisioner import Desk, a_desk, real_probe, real_tahoe
from support.resolver import resolver
from support.subscriptions import Subscription
from support.waiting import until

FLEET = a_fleet(
    alone={"instance_type": "t3.small"},
    together={"instance_type": "t3.small", "isolation": "shard", "grids_per_shard": 2, "capacity": 50},
    plans={"personal": "together", "studio": "alone"},
)
SIZE = 200_000


class Owner:
    """Somebody with a grid, and a client of it that knows its name alone and goes on running."""

    def __init__(self, desk: Desk, subscription: Subscription, grid_id: GridId) -> None:
        self.desk, self.subscription, self.grid_id = desk, subscription, grid_id
        self.content = secrets.token_bytes(SIZE)

    async def furl(self) -> str:
        return furl_of(await self.grid(), self.desk.tools.seal, hint=False).reveal()

    async def grid(self) -> Grid:
        return await self.desk.grid(self.grid_id)

    async def connects(self, client: TahoeClient) -> None:
        self.client = client
        self.cap = await client.put(self.content)

    async def reads(self, within: float = 60) -> None:
        assert await self.client.get_again(self.cap, within=within) == self.content

    async def comes_to(self, stage: Stage) -> Grid:
        return await self.desk.comes_to(self.grid_id, stage, within=90)


@pytest.fixture
def tahoe(tahoe_cloud: Cloud, tmp_path: Path) -> Iterator[Path]:
    """An unmodified client that finds grids by the names of the local cloud's zone."""
    with resolver(tahoe_cloud.control_url, tmp_path) as names:
        plain = real_tahoe(tahoe_cloud, tmp_path)
        program = tmp_path / "tahoe-by-name"
        program.write_text(f'#!/bin/sh\nexec {shlex.join(names.command(str(plain)))} "$@"\n')
        program.chmod(0o755)
        yield program


async def owners(desk: Desk, number: int) -> list[Owner]:
    subscriptions = [Subscription(payment) for payment in payments_with_ports_of_their_own(desk, number)]
    found = [Owner(desk, each, await desk.pay(each.payment)) for each in subscriptions]
    for owner in found:
        await owner.comes_to(Stage.READY)
    return found


@asynccontextmanager
async def reading_all_the_time(owner: Owner) -> AsyncIterator[list[int]]:
    """The owner reads again and again, and each time it works."""
    rounds, is_over = [0], asyncio.Event()

    async def read() -> None:
        while not is_over.is_set():
            assert await owner.client.get(owner.cap) == owner.content
            rounds[0] += 1

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        yield rounds
        is_over.set()


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_customers_share_a_host_and_what_happens_to_one_is_no_others_business(
    database: str, tahoe_cloud: Cloud, tahoe: Path
) -> None:
    probe = real_probe(tahoe_cloud)
    async with (
        a_desk(database, tahoe_cloud, probe_command=probe, fleet=FLEET) as desk,
        desk.converging(),
        AsyncExitStack() as clients,
    ):
        leaver, mover, late, steady = everybody = await owners(desk, 4)
        grids = [await owner.grid() for owner in everybody]
        assert len(tahoe_cloud.instances(desk.settings.deployment)) == 1
        assert sorted(str(grid.shard) for grid in grids) == ["shard-0", "shard-0", "shard-1", "shard-1"]
        assert len({grid.port for grid in grids}) == 4
        for owner in (mover, late, steady):
            await owner.connects(await clients.enter_async_context(TahoeClient.running(tahoe, await owner.furl())))
        furl = await mover.furl()

        async with reading_all_the_time(steady) as rounds:
            await desk.tell(leaver.subscription.ended(timedelta(0)))
            await leaver.comes_to(Stage.ABSENT)
            await mover.reads(within=0)

            await desk.tell(late.subscription.suspended())
            await late.comes_to(Stage.SUSPENDED)
            with pytest.raises(TahoeFailed):
                await late.client.get(late.cap)

            await desk.tell(mover.subscription.changed(plan="studio"))
            apart = await mover.comes_to(Stage.READY)
            assert apart.host
            assert (apart.host.pool, apart.shard) == ("alone", None)
            await mover.reads()

            await desk.tell(mover.subscription.changed(plan="personal"))
            await until(lambda: is_back(mover), within=90, what="the grid is on the shared host again")
            await mover.reads()
            assert await mover.furl() == furl

            await desk.tell(late.subscription.resumed())
            await late.comes_to(Stage.READY)
            await late.reads()
            assert rounds[0] > 3
        alone = "select count(*) = 0 from hosts where pool = 'alone' and stage <> 'gone'"
        await until(lambda: desk.pool.fetchval(alone), within=30, what="the host that was taken for one is gone")
        assert len(tahoe_cloud.instances(desk.settings.deployment)) == 1


async def is_back(owner: Owner) -> bool:
    grid = await owner.grid()
    return grid.stage is Stage.READY and grid.host is not None and grid.host.pool == "together"
