"""Whoever pays when, whatever dies, and however many look: stock is what it should be, and no host is two grids'."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from s4_aws.trouble import QuotaReached
from s4_contracts.ids import GridId
from s4_provisioner import moves
from s4_provisioner.fleet.retire import Retire
from s4_provisioner.fleet.warm import Warm
from s4_provisioner.lifecycle import Stage
from s4_runtime import Temporary
from s4_store import Pool
from support.fleets import a_fleet, standing
from support.memory_hosts import MemoryHosts
from support.provisioner import Desk, a_desk_without_aws, a_payment
from support.scripted_steps import scripted
from support.subscriptions import Subscription
from support.waiting import until

WARM = {"alone": 2, "together": 1}
FLEET = a_fleet(
    alone={"warm": WARM["alone"]},
    together={"warm": WARM["together"], "isolation": "shard", "capacity": 3, "grids_per_shard": 2},
    plans={"small": "together", "team": "alone"},
)
ACTS = some.sampled_from(
    [
        "pay alone",
        "pay together",
        "pay together",
        "change",
        "lose",
        "kill",
        "look",
        "end",
        "launch fails",
        "launch late",
    ]
)
_EMPTY = """
select count(*) from hosts h where pool = $1 and wanted = 'open' and stage not in ('failed', 'release', 'gone')
    and not exists (select from grids where host_id = h.id) and not exists (select from departures where host_id = h.id)
    and ($2 or not is_used)
"""


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    waits = {"lease": timedelta(milliseconds=600), "retry_cap": timedelta(milliseconds=50), "max_relaunches": 50}
    async with a_desk_without_aws(database, fleet=FLEET, grid_ports="10000-32767", **waits) as desk:
        yield desk


class History:
    """Customers, machines, and two replicas, of which one may be killed and started again."""

    def __init__(self, desk: Desk, random: Random) -> None:
        self._desk, self._random = desk, random
        (driver,) = desk.tools.drivers.values()
        assert isinstance(driver, MemoryHosts)
        self.hosts = driver
        self.subscriptions: dict[GridId, Subscription] = {}
        self._ended: set[GridId] = set()

    @property
    def living(self) -> list[GridId]:
        return [grid for grid in self.subscriptions if grid not in self._ended]

    async def act(self, what: str) -> None:
        match what.split():
            case ["pay", pool]:
                await self._pay({"alone": "team", "together": "small"}[pool])
            case ["change"] if self.living:
                subscription = self.subscriptions[self._random.choice(self.living)]
                await self._desk.tell(subscription.changed(plan=self._random.choice(["team", "small"])))
            case ["end"] if self.living:
                grid = self._random.choice(self.living)
                self._ended.add(grid)
                await self._desk.tell(self.subscriptions[grid].ended(timedelta(0)))
            case ["lose"]:
                await self._lose()
            case ["look"]:
                await asyncio.gather(*(Warm(self._desk.pool, self._desk.tools, self._random).round() for _ in range(3)))
                await Retire(self._desk.pool, self._desk.tools).round()
            case ["launch", "fails"]:
                self.hosts.fail("launch", QuotaReached("aws-quota-reached"))
            case ["launch", "late"]:
                self.hosts.fail("launch", Temporary("aws-busy"))
            case _:
                pass

    async def _pay(self, plan: str) -> None:
        payment = a_payment(plan=plan)
        self.subscriptions[await self._desk.pay(payment)] = Subscription(payment, self._desk.tools.clock)

    async def _lose(self) -> None:
        """A machine ends by itself, and that is seen."""
        alive = [machine for machine in self.hosts.machines.values() if machine.state == "alive"]
        if not alive:
            return
        machine = self._random.choice(alive)
        machine.state = "gone"
        machine.grids.clear()
        async with self._desk.pool.transaction() as tx:
            await moves.lose_host(tx, machine.host_id, "machine-gone", self._desk.tools.clock.now())

    async def rests(self) -> None:
        """Everybody has what he paid for, and stock is full; those who failed for want of machines were tried again."""
        await until(self._is_at_rest, within=60, what="everything comes to rest")

    async def _is_at_rest(self) -> bool:
        await self._desk.pass_time(timedelta(seconds=30))
        for row in await self._desk.pool.fetch("select id from grids where stage = 'failed'"):
            await moves.again(self._desk.pool, GridId(row["id"]), Stage.FAILED, self._desk.tools.clock)
        rows = await self._desk.pool.fetch("select id, stage, due_at from grids")
        wanted = {grid: "absent" if grid in self._ended else "ready" for grid in self.subscriptions}
        if {row["id"]: row["stage"] for row in rows} != wanted:
            return False
        stock = [await standing(self._desk.pool, pool) for pool in WARM]
        return all(
            found["ready"] == WARM[pool] and not found["coming"] for pool, found in zip(WARM, stock, strict=True)
        )


@asynccontextmanager
async def watched(pool: Pool) -> AsyncIterator[list[str]]:
    """What was wrong at any moment meanwhile: more empty hosts than there should be."""
    found: list[str] = []
    is_over = asyncio.Event()

    async def watch() -> None:
        while not is_over.is_set():
            for name, warm in WARM.items():
                empty = await pool.fetchval(_EMPTY, name, name == "together")
                if empty > warm and name == "alone":
                    found.append(f"{empty} empty hosts in {name}")
            await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch())
        yield found
        is_over.set()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=some.lists(ACTS, min_size=4, max_size=12), seed=some.integers(0, 2**32))
async def test_stock_is_full_and_every_grid_has_one_place_whatever_happened(
    desk: Desk, acts: list[str], seed: int
) -> None:
    await desk.pool.execute("truncate hosts, grids, departures, steps, outbox, capacity_told cascade")
    history = History(desk, Random(seed))
    history.hosts.machines.clear()
    history.hosts.endings.clear()
    async with AsyncExitStack() as replicas, watched(desk.pool) as wrong:
        await replicas.enter_async_context(desk.converging(scripted()))
        async with AsyncExitStack() as mortal:
            await mortal.enter_async_context(desk.converging(scripted()))
            for act in acts:
                await history.act(act)
                if act == "kill":
                    await mortal.aclose()
                    await mortal.enter_async_context(desk.converging(scripted()))
                await asyncio.sleep(history._random.random() / 20)
        history.hosts.endings.clear()
        await history.rests()
        await nothing_is_twice(desk, history)
    assert wrong == []


async def nothing_is_twice(desk: Desk, history: History) -> None:
    for grid in history.living:
        assert len(history.hosts.serving(grid)) == 1
    taken = await desk.pool.fetch("select host_id, count(*) as grids from grids where host_id is not null group by 1")
    pools = {row["id"]: row["pool"] for row in await desk.pool.fetch("select id, pool from hosts")}
    most = {"alone": 1, "together": 3}
    assert all(row["grids"] <= most[pools[row["host_id"]]] for row in taken)
    living = [machine.host_id for machine in history.hosts.machines.values() if machine.state == "alive"]
    known = await desk.pool.fetch("select id from hosts where stage = 'ready' and wanted = 'open'")
    assert sorted(living) == sorted(row["id"] for row in known), "a machine without its row, or the other way round"
