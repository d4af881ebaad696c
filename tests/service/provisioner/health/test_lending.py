"""Sessions of nodes are renewed in time, host by host, without a restart."""

import asyncio
from datetime import timedelta

import pytest

from s4_contracts.ids import GridId
from s4_provisioner import lending
from s4_provisioner.drivers.contract import HostSilent
from s4_provisioner.health.metrics import LENDING_LEFT
from s4_provisioner.lending import Lending
from s4_provisioner.lifecycle import Stage
from s4_runtime import Permanent
from support.ward import Ward, killed

MINUTE = timedelta(minutes=1)


async def fresh(ward: Ward) -> None:
    """Every session has just begun."""
    now = ward.tools.clock.now()
    await ward.pool.execute("update grids set lent_until = $1::timestamptz + interval '1 hour'", now)
    await ward.pool.execute("update hosts set lend_at = $1", now)


async def test_a_session_is_renewed_in_the_second_half_of_its_life(ward: Ward) -> None:
    host, (grid,) = await ward.host()
    await fresh(ward)

    await ward.lend()
    await ward.lend(29 * MINUTE)
    assert ward.rights.had == []
    await ward.lend(2 * MINUTE)

    assert ward.rights.had == [grid]
    assert ward.machine(host).lent[grid].expires_at == await ward.of_grid(grid, "lent_until")
    assert LENDING_LEFT._value.get() > 3500
    await ward.lend(10 * MINUTE)
    assert ward.rights.had == [grid]


async def test_five_hundred_grids_of_a_host_are_lent_to_in_one_call(ward: Ward) -> None:
    host, grids = await ward.host(grids=500)
    await ward.lend()

    assert (ward.hosts.lendings, len(ward.machine(host).lent)) == (1, 500)
    assert 1 < ward.rights.most_at_once <= 20
    assert sorted(ward.rights.had) == sorted(grids)


async def test_a_host_that_does_not_answer_is_tried_again_while_its_sessions_are_good(ward: Ward) -> None:
    host, (grid,) = await ward.host()
    await fresh(ward)
    ward.hosts.fail("lend", HostSilent("host-unreachable"))

    await ward.lend(31 * MINUTE)
    assert ward.machine(host).lent == {}
    await ward.lend(3 * MINUTE)

    assert grid in ward.machine(host).lent


async def test_one_grid_without_a_session_keeps_no_other_from_its_own(ward: Ward) -> None:
    host, (first, second) = await ward.host(grids=2)
    ward.rights.refused[first] = Permanent("aws-refused")

    await ward.lend()
    assert set(ward.machine(host).lent) == {second}
    ward.rights.refused.clear()
    await ward.lend(3 * MINUTE)

    assert set(ward.machine(host).lent) == {first, second}


async def test_a_grid_that_is_not_on_its_host_is_told_to_it_again(ward: Ward) -> None:
    host, (there, absent) = await ward.host(grids=2)
    del ward.machine(host).grids[absent]

    await ward.lend()
    async with ward.converging():
        await ward.desk.comes_to(absent, Stage.READY)

    assert ward.hosts.serving(absent) == [host]
    assert [step for step, _ in await ward.desk.steps(absent)] == ["node", "dns", "proof"]
    assert await ward.desk.steps(there) == []


async def renew(ward: Ward, *grids: GridId) -> None:
    async with ward.pool.transaction() as tx:
        await lending.renew(tx, grids, ward.tools.clock.now())


async def test_an_operator_renews_what_is_still_good(ward: Ward) -> None:
    host, (grid, other) = await ward.host(grids=2)
    await fresh(ward)

    await renew(ward, grid)
    await ward.lend()

    assert set(ward.machine(host).lent) == {grid}
    assert await ward.of_grid(other, "lent_until")


async def test_what_a_machine_lost_when_it_restarted_is_lent_again_at_once(ward: Ward) -> None:
    host, (grid, _) = await ward.host(grids=2)
    await fresh(ward)
    await ward.look()
    ward.machine(host).is_silent = True
    await ward.look(MINUTE)
    ward.machine(host).is_silent = False
    ward.machine(host).bucket_codes[grid] = "credentials-missing"

    await ward.look(MINUTE)
    await ward.lend()

    assert set(ward.machine(host).lent) == {grid}


async def test_a_grid_that_left_keeps_nothing_of_what_its_old_host_was_lent(ward: Ward) -> None:
    host, (grid,) = await ward.host()
    other, _ = await ward.host()
    lend = ward.hosts.lend

    async def leaves_meanwhile(*told: object) -> set[GridId]:
        await ward.pool.execute("update grids set host_id = $1, lent_until = null where id = $2", other, grid)
        return await lend(*told)  # type: ignore[arg-type]  # passed on

    ward.hosts.lend = leaves_meanwhile  # type: ignore[method-assign,assignment]  # the grid moves during the call
    await ward.pool.execute("update hosts set lend_at = null where id = $1", other)
    await ward.lend()

    assert await ward.of_grid(grid, "lent_until") is None
    assert grid in ward.machine(host).lent


@pytest.mark.parametrize("after", [1, 3, 6, 10, 15, 25])
async def test_lending_that_is_killed_anywhere_is_done_again(ward: Ward, after: int) -> None:
    host, (grid,) = await ward.host()

    await killed(ward.lending.round, after)
    await ward.lend(3 * MINUTE)

    assert grid in ward.machine(host).lent


async def test_two_replicas_lend_to_each_host_once(ward: Ward) -> None:
    await ward.fleet(10)
    other = Lending(ward.pool, ward.tools)

    await asyncio.gather(ward.lending.round(), other.round())

    assert len(ward.rights.had) == len(set(ward.rights.had)) == 10
