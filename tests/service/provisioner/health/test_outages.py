"""So much fails at once that it is the region: nothing is replaced, one alert, and it ends by itself."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from s4_contracts.provisioner import InstanceLost
from s4_provisioner.health import breakers
from s4_provisioner.health.breaker import State
from s4_provisioner.health.metrics import BREAKER_OPEN
from support.grid_cloud import REGION
from support.ward import Ward

MINUTE = timedelta(minutes=1)


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as found:
        yield found


def opened(logs: list[Any]) -> int:
    return sum(line["event"] == "breaker.opened" for line in logs)


async def test_an_outage_of_the_region_loses_no_host_alerts_once_and_is_over_when_they_answer(
    ward: Ward, logs: list[Any]
) -> None:
    hosts = await ward.fleet(20)
    for host_id, _ in hosts:
        ward.machine(host_id).is_silent = True

    for _ in range(10):
        await ward.look(MINUTE)
    assert await ward.breaker() is State.OPEN
    assert BREAKER_OPEN.labels(REGION)._value.get() == 1
    assert (await ward.lost(), opened(logs)) == (0, 1)

    for host_id, _ in hosts:
        ward.machine(host_id).is_silent = False
    for _ in range(3):
        await ward.look(MINUTE)

    assert await ward.breaker() is State.CLOSED
    assert BREAKER_OPEN.labels(REGION)._value.get() == 0
    assert (await ward.lost(), opened(logs), len(ward.hosts.machines)) == (0, 1, 20)


async def test_machines_that_all_end_at_once_are_not_replaced_at_once(ward: Ward) -> None:
    hosts = await ward.fleet(20)
    for host_id, _ in hosts[:10]:
        ward.machine(host_id).state = "gone"

    await ward.look()

    assert await ward.lost() == 0
    assert await ward.breaker() is State.OPEN


async def test_after_a_rest_a_few_are_tried_and_when_they_work_all_the_others_follow(ward: Ward) -> None:
    hosts = await ward.fleet(12)
    dead = hosts[:6]
    for host_id, _ in dead:
        ward.machine(host_id).state = "gone"
    await ward.look()

    async with ward.converging():
        await ward.look(15 * MINUTE)
        assert await ward.breaker() is State.HALF_OPEN
        assert await ward.lost() == 2
        for host_id, (grid,) in dead:
            if await ward.of_host(host_id, "lost_at") is not None:
                await ward.recovers(grid, host_id)
        await ward.look(MINUTE / 2)
        assert await ward.breaker() is State.CLOSED
        for host_id, (grid,) in dead:
            await ward.recovers(grid, host_id)

    for _, (grid,) in dead:
        assert len(await ward.told(InstanceLost, grid)) == 1


async def test_while_the_few_do_not_recover_no_more_are_tried_until_the_next_rest_is_over(ward: Ward) -> None:
    hosts = await ward.fleet(12)
    for host_id, _ in hosts[:8]:
        ward.machine(host_id).state = "gone"
    await ward.look()

    await ward.look(15 * MINUTE)
    for _ in range(14):
        await ward.look(MINUTE)
    assert (await ward.breaker(), await ward.lost()) == (State.HALF_OPEN, 2)
    await ward.look(MINUTE)
    assert await ward.breaker() is State.OPEN


async def test_what_is_tried_first_is_what_somebody_is_served_by(ward: Ward) -> None:
    """That an empty host can be let go shows nothing of the region."""
    empty, used = await ward.fleet(6, grids=0), await ward.fleet(6)
    for host_id, _ in [*empty, used[0]]:
        ward.machine(host_id).state = "gone"
    await ward.look()

    await ward.look(15 * MINUTE)

    assert (await ward.breaker(), await ward.lost()) == (State.HALF_OPEN, 1)
    assert await ward.of_host(used[0][0], "lost_at") is not None


async def test_four_lost_hosts_of_four_are_replaced(ward: Ward) -> None:
    for host_id, _ in await ward.fleet(4):
        ward.machine(host_id).state = "gone"

    await ward.look()

    assert await ward.lost() == 4


async def test_five_lost_hosts_of_forty_are_replaced(ward: Ward) -> None:
    for host_id, _ in (await ward.fleet(40))[:5]:
        ward.machine(host_id).state = "gone"

    await ward.look()

    assert (await ward.lost(), await ward.breaker()) == (5, State.CLOSED)


async def test_hosts_that_fail_one_after_the_other_within_minutes_count_together(ward: Ward) -> None:
    hosts = await ward.fleet(12)
    for host_id, _ in hosts[:6]:
        ward.machine(host_id).state = "gone"
        await ward.look(MINUTE / 2)

    assert (await ward.lost(), await ward.breaker()) == (4, State.OPEN)


async def test_a_person_can_close_the_breaker_and_can_force_it_open(ward: Ward) -> None:
    hosts = await ward.fleet(10)
    for host_id, _ in hosts[:5]:
        ward.machine(host_id).state = "gone"
    await ward.look()
    assert await ward.lost() == 0

    async with ward.pool.transaction() as tx:
        await breakers.force(tx, REGION, "closed", ward.tools.clock.now())
    await ward.look()
    assert await ward.lost() == 5

    async with ward.pool.transaction() as tx:
        await breakers.force(tx, REGION, "open", ward.tools.clock.now())
    ward.machine(hosts[5][0]).state = "gone"
    await ward.look(timedelta(hours=1))
    assert await ward.lost() == 5

    async with ward.pool.transaction() as tx:
        await breakers.force(tx, REGION, None, ward.tools.clock.now())
    await ward.look(timedelta(hours=1))
    assert await ward.lost() == 6
