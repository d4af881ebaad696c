"""Which hosts grids share: real PostgreSQL, hosts that are entries in a dictionary."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import msgspec
import pytest

from s4_contracts.billing import SignupPaid
from s4_contracts.ids import AccountId
from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import Stage
from s4_runtime import new_id
from support.fleets import a_fleet, standing
from support.own_ports import payments_with_ports_of_their_own, port_of
from support.provisioner import Desk, a_desk_without_aws, a_payment
from support.scripted_steps import scripted
from support.waiting import until

FLEET = a_fleet(
    shards={"isolation": "shard", "capacity": 20, "grids_per_shard": 3},
    processes={"isolation": "process", "capacity": 4},
    stocked={"isolation": "shard", "capacity": 20, "warm": 1},
    plans={"small": "shards", "plain": "processes", "quick": "stocked"},
)


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    async with a_desk_without_aws(database, fleet=FLEET, grid_ports="10000-32767") as desk:
        yield desk


async def ready(desk: Desk, payments: list[SignupPaid]) -> list[Grid]:
    paid = await asyncio.gather(*(desk.pay(payment) for payment in payments))
    return [await desk.comes_to(grid_id, Stage.READY, within=60) for grid_id in paid]


def hosts_of(grids: list[Grid]) -> Counter[str]:
    return Counter(grid.host.id for grid in grids if grid.host)


async def test_grids_that_are_paid_at_once_share_one_host_in_full_shards(desk: Desk) -> None:
    async with desk.converging(scripted()):
        grids = await ready(desk, payments_with_ports_of_their_own(desk, 8, "small"))
    assert list(hosts_of(grids).values()) == [8]
    assert sorted(Counter(grid.shard for grid in grids).values()) == [2, 3, 3]


async def test_grids_with_processes_of_their_own_share_a_host_up_to_its_capacity(desk: Desk) -> None:
    async with desk.converging(scripted()):
        grids = await ready(desk, payments_with_ports_of_their_own(desk, 6, "plain"))
    assert sorted(hosts_of(grids).values()) == [2, 4]
    assert {grid.shard for grid in grids} == {None}


async def test_grids_with_the_same_ports_are_on_different_hosts(desk: Desk) -> None:
    first = a_payment(plan="small")
    second = a_payment(plan="small")
    while port_of(desk, second) != port_of(desk, first):
        second = msgspec.structs.replace(second, signup_id=new_id())
    async with desk.converging(scripted()):
        grids = await ready(desk, [first, second])
    assert len(hosts_of(grids)) == 2
    assert grids[0].port == grids[1].port


async def test_an_empty_host_stands_beside_those_with_room(desk: Desk) -> None:
    async with desk.converging(scripted()):
        await ready(desk, payments_with_ports_of_their_own(desk, 3, "quick"))

        async def is_stocked() -> bool:
            return await standing(desk.pool, "stocked") == {"ready": 1, "coming": 0, "taken": 1}

        await until(is_stocked, within=20, what="one host is taken and one is empty")


async def test_a_customers_grids_are_spread_where_there_is_a_choice(desk: Desk) -> None:
    customer = AccountId(new_id())
    async with desk.converging(scripted()):
        await ready(desk, payments_with_ports_of_their_own(desk, 1, "quick"))
        await until(lambda: has_two(desk), within=20, what="a second host is ready")
        mine = [
            msgspec.structs.replace(each, account_id=customer)
            for each in payments_with_ports_of_their_own(desk, 2, "quick")
        ]
        grids = [*await ready(desk, mine[:1]), *await ready(desk, mine[1:])]
    assert len(hosts_of(grids)) == 2


async def has_two(desk: Desk) -> bool:
    return bool(await desk.pool.fetchval("select count(*) = 2 from hosts where pool = 'stocked' and stage = 'ready'"))
