"""Ended at any point and begun again, by this converger or another: nothing twice, nothing lost."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s4_contracts.ids import GridId
from s4_contracts.provisioner import (
    FurlIssued,
    GridDeleted,
    GridSuspended,
    InstanceReady,
    ProvisioningFailed,
    ProvisioningProgressed,
)
from s4_provisioner.converge import Converger
from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import DOWN, UP, Stage
from s4_provisioner.outcome import Done, MachineLost, NotYet, Outcome
from s4_provisioner.tools import Tools
from s4_runtime import Temporary
from s4_store import Leases
from support.deaths import Deaths, still_held
from support.provisioner import Desk, a_desk_without_aws, a_payment
from support.scripted_steps import Script, scripted
from support.subscriptions import Subscription
from support.waiting import until

LEASES = Leases(table="grids", key="id")


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    async with a_desk_without_aws(database, lease=timedelta(milliseconds=300)) as desk:
        yield desk


async def told_once(desk: Desk, grid_id: GridId) -> None:
    assert len(await desk.events(InstanceReady, grid_id)) == 1
    assert len(await desk.events(FurlIssued, grid_id)) == 1


@pytest.mark.parametrize("stage", list(UP))
async def test_a_converger_ended_within_a_step_leaves_it_to_the_next(desk: Desk, stage: Stage) -> None:
    begun = asyncio.Event()

    async def endless(_grid: Grid, _tools: Tools) -> Outcome:
        begun.set()
        await asyncio.sleep(3600)
        return Done()

    async with desk.converging({**scripted(), stage: endless}):
        grid_id = await desk.pay()
        await begun.wait()
    script = Script()
    async with desk.converging(scripted(script)):
        await desk.comes_to(grid_id, Stage.READY)

    # A grid waits for its host, and looks at it again when that is ready.
    calls = [min(script.calls(each), 1) if each is Stage.BOOT else script.calls(each) for each in UP]
    assert calls == [int(each not in _before(stage)) for each in UP]
    await told_once(desk, grid_id)


@pytest.mark.parametrize("stage", list(UP))
async def test_a_killed_convergers_grid_is_taken_over_when_its_lease_ends(desk: Desk, stage: Stage) -> None:
    deaths = Deaths([stage])
    async with desk.converging(deaths.upon(scripted())):
        grid_id = await desk.pay()
        await deaths.met.wait()
    await still_held(desk, grid_id)

    async with desk.converging(scripted()):
        await desk.comes_to(grid_id, Stage.READY)

    await told_once(desk, grid_id)


@pytest.mark.parametrize("stage", [Stage.STOP, *DOWN])
async def test_a_killed_convergers_removal_is_taken_over_and_told_once(desk: Desk, stage: Stage) -> None:
    subscription, deaths = Subscription(a_payment()), Deaths([stage])
    async with desk.converging(deaths.upon(scripted())):
        grid_id = await desk.pay(subscription.payment)
        await desk.comes_to(grid_id, Stage.READY)
        await desk.tell(subscription.ended())
        if stage is not Stage.STOP:
            await desk.comes_to(grid_id, Stage.SUSPENDED)
            await desk.pass_time(timedelta(days=31))
        await deaths.met.wait()
    await still_held(desk, grid_id)

    async with desk.converging(scripted()):
        await desk.comes_to(grid_id, Stage.SUSPENDED if stage is Stage.STOP else Stage.ABSENT)

    assert len(await desk.events(GridSuspended, grid_id)) == 1
    assert len(await desk.events(GridDeleted, grid_id)) == int(stage is not Stage.STOP)


async def test_the_result_of_one_that_lost_its_lease_is_dropped(desk: Desk) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def held_up(_grid: Grid, _tools: Tools) -> Outcome:
        begun.set()
        await go_on.wait()
        return Done()

    grid_id = await desk.pay()
    (row,) = await LEASES.claim(desk.pool, 1, timedelta(milliseconds=300), desk.tools.clock.now())
    first = Converger(desk.pool, desk.tools, Random(1), {**scripted(), Stage.IDENTITY: held_up})
    late = asyncio.create_task(first.carry(grid_id, row["lease_token"]))
    await begun.wait()
    await desk.pool.execute("update grids set lease_token = null, lease_until = null where id = $1", grid_id)
    async with desk.converging(scripted()):
        ready = await desk.comes_to(grid_id, Stage.READY)
        go_on.set()
        await late

        assert await desk.grid(grid_id) == ready
    await told_once(desk, grid_id)


async def test_a_long_step_keeps_its_lease(desk: Desk) -> None:
    calls = 0

    async def long(_grid: Grid, _tools: Tools) -> Outcome:
        nonlocal calls
        calls += 1
        await asyncio.sleep(1)
        return Done()

    steps = {**scripted(), Stage.BOOT: long}
    async with desk.converging(steps), desk.converging(steps), desk.converging(steps):
        grid_id = await desk.pay()
        await desk.comes_to(grid_id, Stage.READY)

    assert calls == 1


async def test_several_convergers_share_the_grids_and_tell_each_once(desk: Desk) -> None:
    script = Script({Stage.NODE: [Temporary("host-unreachable")] * 6})
    async with desk.converging(scripted(script)), desk.converging(scripted(script)), desk.converging(scripted(script)):
        grids = [await desk.pay() for _ in range(12)]
        for grid_id in grids:
            await desk.comes_to(grid_id, Stage.READY)

    for grid_id in grids:
        await told_once(desk, grid_id)
    # On a busy machine a lease may run out: the step is done again by another, and told once all the same.
    assert 12 <= script.calls(Stage.IDENTITY) < 2 * 12
    assert 12 + 6 <= script.calls(Stage.NODE) < 2 * (12 + 6)


async def test_a_database_that_goes_away_in_the_middle_costs_no_more_than_time(desk: Desk) -> None:
    cut = False

    async def cut_off(_grid: Grid, _tools: Tools) -> Outcome:
        nonlocal cut
        if not cut:
            cut = True
            await desk.pool.fetch(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
        return Done()

    async with desk.converging({**scripted(), Stage.BUCKET: cut_off}):
        grid_id = await desk.pay()
        await desk.comes_to(grid_id, Stage.READY)

    await told_once(desk, grid_id)


TROUBLE: dict[str, Outcome | Exception] = {
    "temporary": Temporary("aws-busy"),
    "not-yet": NotYet(timedelta(milliseconds=5)),
    "unforeseen": ValueError("unforeseen"),
    "lost": MachineLost("machine-gone"),
}
EVENTS = st.one_of(
    st.tuples(st.sampled_from(list(UP)), st.sampled_from(["temporary", "not-yet", "unforeseen", "killed"])),
    st.tuples(st.sampled_from([Stage.BOOT, Stage.NODE, Stage.DNS, Stage.PROOF]), st.just("lost")),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EVENTS, max_size=8))
async def test_any_history_of_trouble_and_kills_ends_in_one_ready_grid(
    desk: Desk, history: Sequence[tuple[Stage, str]]
) -> None:
    deaths = Deaths([stage for stage, kind in history if kind == "killed"])
    script = Script({each: [TROUBLE[kind] for at, kind in history if at is each and kind in TROUBLE] for each in UP})
    grid_id = await desk.pay()
    while (await desk.grid(grid_id)).stage is not Stage.READY:  # each kill is followed by a start
        async with desk.converging(deaths.upon(scripted(script)), max_relaunches=99):
            await until(lambda: _over(desk, grid_id, deaths), within=20, what="ready, or killed")
        if deaths.met.is_set():
            await still_held(desk, grid_id)
            deaths.met.clear()

    await told_once(desk, grid_id)
    assert await desk.events(ProvisioningFailed, grid_id) == []
    done = [event.step for event in await desk.events(ProvisioningProgressed, grid_id) if event.state == "done"]
    lost = sum(1 for _, kind in history if kind == "lost")
    assert done.count("identity") == done.count("bucket") == done.count("credentials") == done.count("proof") == 1
    # What a step found out when its lease was over is dropped, a loss too: the next one finds the machine alive here.
    assert 1 <= done.count("host") <= 1 + lost


async def _over(desk: Desk, grid_id: GridId, deaths: Deaths) -> bool:
    return deaths.met.is_set() or (await desk.grid(grid_id)).stage is Stage.READY


def _before(stage: Stage) -> list[Stage]:
    return list(UP)[: list(UP).index(stage)]
