"""Grids that cannot be reached or used: what is done for them, in which order, and what is not done."""

from datetime import timedelta

import pytest

from s4_contracts.provisioner import GridProved
from s4_provisioner.health.breaker import State
from s4_provisioner.health.metrics import GRIDS_FAILING, GRIDS_UNMENDED
from s4_provisioner.lifecycle import Stage
from s4_provisioner.outcome import Done
from s4_provisioner.probe import ProbeMissing, Unproved
from s4_runtime import Permanent
from support.ward import Ward, killed

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NO_SERVER = "probe-no-storage-server"


def broken(ward: Ward, times: int, code: str = NO_SERVER) -> None:
    """So many of the next real clients do not get their file back."""
    ward.client.then(Stage.PROOF, *(Unproved(code) for _ in range(times)))


async def test_a_grid_that_is_there_costs_a_greeting_and_no_real_client(ward: Ward) -> None:
    _, (grid,) = await ward.host()

    for _ in range(3):
        await ward.look_at_grids(5 * MINUTE)

    assert ward.client.calls(Stage.PROOF) == 0
    assert await ward.of_grid(grid, "failing_since") is None


async def test_a_real_client_uses_each_grid_now_and_then(ward: Ward) -> None:
    await ward.fleet(3)

    await ward.probe(12 * HOUR)
    assert ward.client.calls(Stage.PROOF) == 3
    await ward.probe(HOUR)
    assert ward.client.calls(Stage.PROOF) == 3
    await ward.probe(12 * HOUR)
    assert ward.client.calls(Stage.PROOF) == 6


async def test_a_grid_that_just_became_ready_was_just_proved(ward: Ward) -> None:
    async with ward.converging():
        grid = await ward.desk.pay()
        await ward.desk.comes_to(grid, Stage.READY)

    await ward.probe(MINUTE)

    assert ward.client.calls(Stage.PROOF) == 0


async def test_each_proof_by_a_real_client_is_told_and_no_more_often_than_there_are_proofs(ward: Ward) -> None:
    _, (grid,) = await ward.host()

    for wait in (12 * HOUR, HOUR, 12 * HOUR):
        await ward.probe(wait)

    told = await ward.told(GridProved, grid)
    assert len(told) == ward.client.calls(Stage.PROOF) == 2
    assert told[-1].proved_at == await ward.of_grid(grid, "proved_at") > told[0].proved_at
    assert told[-1].seconds == 0.5


async def test_what_proves_nothing_is_not_told_as_a_proof(ward: Ward) -> None:
    _, (failing, full) = await ward.host(2)
    ward.client.then(Stage.PROOF, Unproved(NO_SERVER), Done())  # as for one that is full
    await ward.probe(12 * HOUR)
    async with ward.converging():
        ready = await ward.desk.pay()
        await ward.desk.comes_to(ready, Stage.READY)
    await ward.probe(MINUTE)

    assert [await ward.told(GridProved, grid) for grid in (failing, full, ready)].count([]) == 3


async def test_a_grid_that_is_not_there_twice_gets_a_real_client_at_once(ward: Ward) -> None:
    _, (grid,) = await ward.host()
    ward.unheard.add(grid)

    await ward.look_at_grids()
    assert ward.client.calls(Stage.PROOF) == 0
    await ward.look_at_grids(MINUTE / 4)

    assert ward.client.calls(Stage.PROOF) == 1
    assert await ward.of_grid(grid, "stage") == "ready", "the client could use it"


async def test_a_grid_that_is_there_again_is_not_touched(ward: Ward) -> None:
    _, (grid,) = await ward.host()
    ward.unheard.add(grid)
    await ward.look_at_grids()
    assert GRIDS_FAILING._value.get() == 1
    ward.unheard.clear()
    await ward.look_at_grids(MINUTE / 4)

    assert (GRIDS_FAILING._value.get(), ward.client.calls(Stage.PROOF)) == (0, 0)
    assert await ward.of_grid(grid, "failing_since") is None


async def test_node_trouble_is_fixed_on_the_host(ward: Ward) -> None:
    host, (grid,) = await ward.host()
    broken(ward, 1)

    async with ward.converging():
        await ward.probe(12 * HOUR)
        await ward.desk.comes_to(grid, Stage.READY)

    assert [step for step, _ in await ward.desk.steps(grid)] == ["node", "dns", "proof"]
    assert await ward.host_of(grid) == host
    assert await ward.of_grid(grid, "failing_since") is None


async def test_node_trouble_that_comes_back_moves_the_grid_and_then_waits_for_a_person(ward: Ward) -> None:
    host, (grid,) = await ward.host()
    broken(ward, 9)

    async with ward.converging():
        for _ in range(2):
            await ward.probe(12 * HOUR if not await ward.desk.steps(grid) else MINUTE)
            await ward.desk.comes_to(grid, Stage.READY)
            assert await ward.host_of(grid) == host
            await failing_again(ward)
        await ward.probe()
        moved_to = await ward.recovers(grid, host)
        await failing_again(ward)
        await ward.probe(MINUTE)

    assert await ward.of_grid(grid, "unmended") == "mended-in-vain"
    assert GRIDS_UNMENDED.labels("mended-in-vain")._value.get() == 1
    assert await ward.host_of(grid) == moved_to
    assert await ward.of_grid(grid, "stage") == "ready"


async def failing_again(ward: Ward) -> None:
    """Cheap looks have seen the grid fail twice."""
    await ward.pool.execute("update grids set failing_since = $1, probe_at = $1", ward.tools.clock.now())


async def test_a_mended_grid_that_does_not_become_ready_is_moved(ward: Ward) -> None:
    host, (grid,) = await ward.host()
    broken(ward, 1)
    await ward.probe(12 * HOUR)
    assert await ward.of_grid(grid, "stage") == "node"

    for _ in range(2):
        await ward.probe(5 * MINUTE)

    assert await ward.of_grid(grid, "stage") == "host"
    async with ward.converging():
        await ward.recovers(grid, host)


@pytest.mark.parametrize("code", ["unreachable", "unavailable", "access-denied", "bucket-missing", "clock-skewed"])
async def test_what_a_restart_cannot_mend_is_not_restarted(ward: Ward, code: str) -> None:
    host, (grid,) = await ward.host()
    ward.machine(host).bucket_codes[grid] = code
    broken(ward, 20)

    await ward.probe(12 * HOUR)
    for _ in range(10):
        await ward.probe(5 * MINUTE)

    assert await ward.desk.steps(grid) == []
    assert await ward.host_of(grid) == host
    assert await ward.of_grid(grid, "unmended") == code
    assert ward.client.calls(Stage.PROOF) > 5, "it is tried whether that is over"


async def test_a_grid_whose_session_has_expired_gets_another_without_a_restart(ward: Ward) -> None:
    host, (grid,) = await ward.host()
    ward.machine(host).bucket_codes[grid] = "credentials-expired"
    broken(ward, 1)

    await ward.probe(12 * HOUR)
    await ward.lend()

    assert grid in ward.machine(host).lent
    assert await ward.desk.steps(grid) == []
    await ward.probe(5 * MINUTE)
    assert await ward.of_grid(grid, "failing_since") is None


async def test_a_failing_grid_on_a_silent_host_waits_for_what_becomes_of_the_host(ward: Ward) -> None:
    host, (grid,) = await ward.host()
    ward.machine(host).is_silent = True
    broken(ward, 1)

    await ward.probe(12 * HOUR)
    while await ward.watch.round():
        pass

    assert await ward.desk.steps(grid) == []
    assert await ward.of_host(host, "silent_looks") == 1, "it is looked at at once"


async def test_nothing_is_done_for_a_grid_whose_prober_is_missing(ward: Ward) -> None:
    _, (grid,) = await ward.host()
    ward.client.then(Stage.PROOF, ProbeMissing("probe-missing"))

    await ward.probe(12 * HOUR)

    assert await ward.desk.steps(grid) == []
    assert await ward.of_grid(grid, "failing_since") is None


async def test_what_is_wrong_on_our_side_is_left_for_a_person_too(ward: Ward) -> None:
    _, (grid,) = await ward.host()
    ward.client.then(Stage.PROOF, Permanent("seal-broken"))

    await ward.probe(12 * HOUR)

    assert await ward.of_grid(grid, "unmended") == "seal-broken"
    assert await ward.desk.steps(grid) == []


async def test_what_came_back_wrong_is_left_for_a_person(ward: Ward) -> None:
    _, (grid,) = await ward.host()
    broken(ward, 1, "probe-mismatch")

    await ward.probe(12 * HOUR)

    assert await ward.of_grid(grid, "unmended") == "probe-mismatch"
    assert await ward.desk.steps(grid) == []


async def test_many_grids_that_fail_on_many_hosts_are_an_outage_and_none_is_mended(ward: Ward) -> None:
    hosts = await ward.fleet(3, grids=10)
    grids = [grid for _, some in hosts for grid in some]
    ward.unheard.update(grids)
    broken(ward, 1000)

    for _ in range(5):
        await ward.look_at_grids(MINUTE / 4)
    assert await ward.breaker() is State.OPEN
    assert [await ward.desk.steps(grid) for grid in grids] == [[]] * 30

    ward.unheard.clear()
    ward.client.then(Stage.PROOF)
    for _ in range(40):
        await ward.look_at_grids(2 * MINUTE)
        await ward.look()
    assert await ward.breaker() is State.CLOSED
    assert [await ward.desk.steps(grid) for grid in grids] == [[]] * 30


async def test_all_grids_of_one_host_of_three_are_no_outage(ward: Ward) -> None:
    (_, grids), *_others = await ward.fleet(3, grids=10)
    ward.unheard.update(grids)

    await ward.look_at_grids()

    assert await ward.breaker() is State.CLOSED


async def test_a_grid_that_is_asked_something_else_meanwhile_is_not_mended(ward: Ward) -> None:
    _, (grid,) = await ward.host()
    loaded = await ward.desk.grid(grid)
    await ward.pool.execute("update grids set wishes = wishes + 1")

    await ward.probing._mending.mend(loaded, NO_SERVER)  # as if it had been asked during the probe

    assert await ward.desk.steps(grid) == []


@pytest.mark.parametrize("after", [1, 4, 9, 16, 25, 40, 60])
async def test_mending_that_is_killed_anywhere_is_done_once_in_the_end(ward: Ward, after: int) -> None:
    host, (grid,) = await ward.host()
    broken(ward, 1)
    await ward.later(12 * HOUR)

    await killed(ward.probing.round, after)
    async with ward.converging():
        await ward.probe(10 * MINUTE)
        await ward.desk.comes_to(grid, Stage.READY)

    assert await ward.host_of(grid) == host
    assert await ward.of_grid(grid, "failing_since") is None
