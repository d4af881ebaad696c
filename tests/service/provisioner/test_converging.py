"""How the converger carries grids, with steps that do what the test says: real PostgreSQL, real leases, no cloud."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from random import Random

import pytest

from s4_contracts.provisioner import FurlIssued, InstanceReady, ProvisioningFailed, ProvisioningProgressed
from s4_provisioner import moves, placing
from s4_provisioner.converge import Converger
from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import UP, Stage, Wanted
from s4_provisioner.outcome import Done, MachineLost, NotYet, Outcome
from s4_provisioner.steps import STEPS as REAL_STEPS
from s4_provisioner.steps import Step
from s4_provisioner.tools import Tools
from s4_runtime import Permanent, Temporary
from support.provisioner import Desk, a_desk_without_aws, a_payment
from support.scripted_steps import Script, scripted
from support.waiting import until

STEPS = [stage.value for stage in UP]


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    async with a_desk_without_aws(database) as desk:
        yield desk


async def test_the_same_payment_told_twice_makes_one_grid(desk: Desk) -> None:
    payment = a_payment()
    first, second = await desk.pay(payment), await desk.pay(payment)

    assert first == second
    assert await desk.pool.fetchval("select count(*) from grids") == 1
    assert [event.state for event in await desk.events(ProvisioningProgressed, first)] == ["started"]


async def test_one_delivery_repeated_changes_nothing(desk: Desk) -> None:
    payment = a_payment()
    event_id = "0192f0a1-7c3d-7b2e-9f10-8a1b2c3d4e5f"
    grid_id = await desk.pay(payment, event_id)
    await desk.pay(payment, event_id)

    assert await desk.steps(grid_id) == [("identity", None)]


async def test_a_repeated_payment_for_a_ready_grid_changes_nothing(desk: Desk) -> None:
    payment = a_payment()
    async with desk.converging(scripted()):
        grid_id = await desk.pay(payment)
        ready = await desk.comes_to(grid_id, Stage.READY)
        await desk.pay(payment)

        assert await desk.grid(grid_id) == ready
    assert len(await desk.events(FurlIssued, grid_id)) == 1


async def test_a_grid_goes_through_all_steps_at_once_and_each_is_told(desk: Desk) -> None:
    async with desk.converging(scripted()):
        grid_id = await desk.pay()
        await desk.comes_to(grid_id, Stage.READY)

    progress = await desk.events(ProvisioningProgressed, grid_id)
    assert [(event.step, event.state) for event in progress] == [
        (step, state) for step in STEPS for state in ("started", "done")
    ]
    assert [event.position for event in progress if event.state == "done"] == list(range(1, 9))
    assert {event.total for event in progress} == {8}
    assert all(event.seconds is not None for event in progress if event.state == "done")
    assert await desk.steps(grid_id) == [(step, "done") for step in STEPS]


async def test_ready_and_the_furl_are_told_once_and_in_this_order(desk: Desk) -> None:
    payment = a_payment()
    async with desk.converging(scripted()):
        grid_id = await desk.pay(payment)
        await desk.comes_to(grid_id, Stage.READY)

    (ready,) = await desk.events(InstanceReady, grid_id)
    (issued,) = await desk.events(FurlIssued, grid_id)
    last = [row["type"] for row in await desk.pool.fetch("select type from outbox order by seq desc limit 2")]
    assert last == ["provisioner.furl-issued.v1", "provisioner.instance-ready.v1"]
    assert ready.account_id == issued.account_id == payment.account_id
    assert issued.claim_ref == f"{grid_id}:1"


async def test_nothing_secret_is_told(desk: Desk) -> None:
    async with desk.converging(scripted()):
        grid_id = await desk.pay()
        await desk.comes_to(grid_id, Stage.READY)

    told = "".join([row["body"] for row in await desk.pool.fetch("select body::text from outbox")])
    assert "pb://" not in told
    assert "@" not in told


async def test_what_the_converger_tells_belongs_to_the_story_of_the_payment(desk: Desk) -> None:
    async with desk.converging(scripted()):
        grid_id = await desk.pay()
        await desk.comes_to(grid_id, Stage.READY)

    stories = await desk.pool.fetch("select distinct headers->>'X-Correlation-Id' as story from outbox")
    assert len(stories) == 1


async def test_a_step_that_fails_for_now_is_told_and_tried_again(desk: Desk) -> None:
    script = Script({Stage.BUCKET: [Temporary("aws-busy"), Temporary("aws-busy")]})
    async with desk.converging(scripted(script)):
        grid_id = await desk.pay()
        await desk.comes_to(grid_id, Stage.READY)

    told = [event for event in await desk.events(ProvisioningProgressed, grid_id) if event.step == "bucket"]
    assert [(event.state, event.attempt) for event in told] == [
        *(("started", 1), ("retrying", 1), ("retrying", 2), ("done", 3)),
    ]
    for event in told:
        assert (event.next_try_at is not None and event.next_try_at > event.occurred_at) == (event.state == "retrying")


async def test_attempts_are_counted_for_each_step_alone(desk: Desk) -> None:
    script = Script({stage: [Temporary("aws-busy")] * 2 for stage in UP})
    async with desk.converging(scripted(script), max_attempts=3):
        grid_id = await desk.pay()
        await desk.comes_to(grid_id, Stage.READY)

    assert await desk.events(ProvisioningFailed, grid_id) == []


async def test_trouble_says_how_long_to_wait_and_is_obeyed(desk: Desk) -> None:
    script = Script({Stage.HOST: [Temporary("aws-no-capacity", retry_after=timedelta(hours=1))]})
    async with desk.converging(scripted(script)):
        grid_id = await desk.pay()
        row = await until(
            lambda: desk.pool.fetchrow(
                "select due_at - now() as wait from grids where stage = 'host' and lease_token is null"
            ),
            within=10,
            what="the launch is put off",
        )

    assert timedelta(minutes=59) < row["wait"] <= timedelta(hours=1)
    assert (await desk.grid(grid_id)).stage is Stage.HOST


async def test_attempts_that_never_succeed_end_in_one_final_failure(desk: Desk) -> None:
    script = Script({Stage.BUCKET: [Temporary("aws-busy")] * 99})
    async with desk.converging(scripted(script), max_attempts=3):
        grid_id = await desk.pay()
        await until(lambda: desk.events(ProvisioningFailed, grid_id), within=10, what="the failure is told")

    (failed,) = await desk.events(ProvisioningFailed, grid_id)
    assert (failed.step, failed.code, failed.final) == ("bucket", "aws-busy", True)
    assert script.calls(Stage.BUCKET) == 3
    assert (await desk.steps(grid_id))[-1] == ("bucket", "failed")


async def test_what_no_retry_mends_fails_at_once(desk: Desk) -> None:
    script = Script({Stage.HOST: [Permanent("aws-quota-reached", reason="VcpuLimitExceeded")]})
    async with desk.converging(scripted(script)):
        grid_id = await desk.pay()
        await until(lambda: desk.events(ProvisioningFailed, grid_id), within=10, what="the failure is told")

    (failed,) = await desk.events(ProvisioningFailed, grid_id)
    assert (failed.step, failed.code) == ("host", "aws-quota-reached")
    assert script.calls(Stage.HOST) == 1


async def test_an_operator_makes_a_failed_grid_go_on_where_it_failed(desk: Desk) -> None:
    script = Script({Stage.HOST: [Permanent("aws-quota-reached")]})
    async with desk.converging(scripted(script)):
        grid_id = await desk.pay()
        await until(lambda: desk.events(ProvisioningFailed, grid_id), within=10, what="the failure is told")
        assert await moves.again(desk.pool, grid_id, Stage.FAILED, desk.tools.clock) is Stage.HOST
        await desk.comes_to(grid_id, Stage.READY)

    assert script.calls(Stage.IDENTITY) == 1
    assert len(await desk.events(FurlIssued, grid_id)) == 1


async def test_each_failure_that_a_person_saw_is_told_anew(desk: Desk) -> None:
    script = Script({Stage.HOST: [Permanent("aws-quota-reached"), Permanent("no-machine-image")]})
    async with desk.converging(scripted(script)):
        grid_id = await desk.pay()
        await until(lambda: desk.events(ProvisioningFailed, grid_id), within=10, what="the first failure is told")
        await moves.again(desk.pool, grid_id, Stage.FAILED, desk.tools.clock)
        told = partial(desk.events, ProvisioningFailed, grid_id)

        async def twice() -> bool:
            return len(await told()) == 2

        await until(twice, within=10, what="the second failure is told")

    assert [event.code for event in await told()] == ["aws-quota-reached", "no-machine-image"]


@pytest.mark.parametrize("failed", [False, True])
async def test_a_retry_changes_nothing_for_a_grid_that_has_not_failed(desk: Desk, *, failed: bool) -> None:
    grid_id = await desk.pay()
    if failed:
        await desk.pool.execute("update grids set wanted = 'absent' where id = $1", grid_id)

    assert await moves.again(desk.pool, grid_id, Stage.FAILED, desk.tools.clock) is None
    assert await desk.steps(grid_id) == [("identity", None)]


@pytest.mark.parametrize("resting", [Stage.READY, Stage.FAILED])
async def test_a_grid_that_rests_elsewhere_is_not_worked_on_again(desk: Desk, resting: Stage) -> None:
    other = Stage.FAILED if resting is Stage.READY else Stage.READY
    grid_id = await desk.pay()
    await desk.pool.execute("update grids set stage = $2, due_at = null where id = $1", grid_id, other)

    assert await moves.again(desk.pool, grid_id, resting, desk.tools.clock) is None
    assert (await desk.grid(grid_id)).stage is other


async def test_a_ready_grid_that_nobody_wants_ready_stays_where_it_is(desk: Desk) -> None:
    grid_id = await desk.pay()
    await desk.pool.execute("update grids set stage = 'ready', wanted = 'suspended' where id = $1", grid_id)

    assert await moves.again(desk.pool, grid_id, Stage.READY, desk.tools.clock) is None


async def test_waiting_is_not_failing(desk: Desk) -> None:
    script = Script({Stage.BOOT: [NotYet(timedelta(0))] * 6})
    async with desk.converging(scripted(script), max_attempts=2):
        grid_id = await desk.pay()
        await desk.comes_to(grid_id, Stage.READY)

    assert {event.state for event in await desk.events(ProvisioningProgressed, grid_id)} == {"started", "done"}


async def test_waiting_too_long_is(desk: Desk) -> None:
    script = Script({Stage.DNS: [NotYet(timedelta(milliseconds=10))] * 999})
    async with desk.converging(scripted(script), max_attempts=2, step_limit=timedelta(milliseconds=300)):
        grid_id = await desk.pay()
        await until(lambda: desk.events(ProvisioningFailed, grid_id), within=10, what="the failure is told")

    (failed,) = await desk.events(ProvisioningFailed, grid_id)
    assert (failed.step, failed.code) == ("dns", "dns-too-slow")


async def test_an_error_that_nobody_foresaw_is_tried_again_and_shows_no_text(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    script = Script({Stage.NODE: [ValueError("pb://secret@tcp:host:1/swissnum")]})
    async with desk.converging(scripted(script)):
        grid_id = await desk.pay()
        await desk.comes_to(grid_id, Stage.READY)

    assert "swissnum" not in capsys.readouterr().out
    assert script.calls(Stage.NODE) == 2


async def test_a_lost_machine_is_followed_by_another_one(desk: Desk) -> None:
    script = Script({Stage.NODE: [MachineLost("machine-gone")]})
    async with desk.converging(scripted(script)):
        grid_id = await desk.pay()
        grid = await desk.comes_to(grid_id, Stage.READY)

    (first, second) = await desk.pool.fetch("select id from hosts order by created_at")
    assert grid.host
    assert (grid.host.id, first["id"] != second["id"]) == (second["id"], True)
    assert await desk.steps(grid_id) == [
        *((step, "done") for step in ("identity", "bucket", "credentials", "host", "boot")),
        ("node", "machine-gone"),
        *((step, "done") for step in ("host", "boot", "node", "dns", "proof")),
    ]
    assert len(await desk.events(InstanceReady, grid_id)) == 1


async def test_announcements_of_the_next_machine_have_higher_numbers(desk: Desk) -> None:
    script = Script({Stage.NODE: [MachineLost("machine-gone")]})
    numbers: list[int] = []

    async def note(grid: Grid, tools: Tools) -> Outcome:
        numbers.append(grid.announced_from)
        return await REAL_STEPS[Stage.BOOT](grid, tools)

    async with desk.converging({**scripted(script), Stage.BOOT: note}):
        grid_id = await desk.pay()
        await desk.comes_to(grid_id, Stage.READY)

    assert numbers == sorted(numbers)
    assert len(set(numbers)) == 2


async def test_machines_that_keep_dying_end_in_a_failure(desk: Desk) -> None:
    script = Script({Stage.BOOT: [MachineLost("machine-did-not-boot")] * 9})
    async with desk.converging(scripted(script), max_relaunches=2):
        grid_id = await desk.pay()
        await until(lambda: desk.events(ProvisioningFailed, grid_id), within=10, what="the failure is told")

    (failed,) = await desk.events(ProvisioningFailed, grid_id)
    assert (failed.step, failed.code) == ("boot", "machine-did-not-boot")
    assert [outcome for step, outcome in await desk.steps(grid_id) if step == "boot"] == [
        *["machine-did-not-boot"] * 2,
        "failed",
    ]


async def test_no_more_grids_than_the_limit_are_in_hand(desk: Desk) -> None:
    at_once, most, second = 0, 0, asyncio.Event()

    async def slow(_grid: Grid, _tools: Tools) -> Outcome:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        if at_once > 1:
            second.set()
        with suppress(TimeoutError):  # there may be none: then what is asserted fails
            async with asyncio.timeout(5):
                await second.wait()
        await asyncio.sleep(0.01)
        at_once -= 1
        return Done()

    async with desk.converging({**scripted(), Stage.BUCKET: slow}, concurrency=3):
        grids = [await desk.pay() for _ in range(10)]
        for grid_id in grids:
            await desk.comes_to(grid_id, Stage.READY)

    assert 1 < most <= 3


async def test_what_comes_at_once_is_shared_by_the_replicas(desk: Desk) -> None:
    """Who is quicker would have all of it else, and the proofs of one replica would be waited for."""
    for _ in range(8):
        await desk.pay()
    asleep = asyncio.Event()

    async def held(_grid: Grid, _tools: Tools) -> Outcome:
        await asleep.wait()
        return Done()

    replicas = [Converger(desk.pool, desk.tools, Random(1), {Stage.IDENTITY: held}) for _ in range(2)]
    async with asyncio.TaskGroup() as grids:
        for replica in replicas:
            await replica._round(grids)
        assert [replica._in_hand for replica in replicas] == [4, 4]
        for task in grids._tasks.copy():
            task.cancel()


async def test_a_grid_that_is_no_longer_wanted_is_built_no_further(desk: Desk) -> None:
    reached = asyncio.Event()
    go_on = asyncio.Event()

    async def held(_grid: Grid, _tools: Tools) -> Outcome:
        reached.set()
        await go_on.wait()
        return Done()

    script = Script()
    async with desk.converging({**scripted(script), Stage.BUCKET: held}):
        grid_id = await desk.pay()
        await reached.wait()
        await desk.pool.execute("update grids set wanted = $2 where id = $1", grid_id, Wanted.ABSENT)
        go_on.set()
        await until(
            lambda: desk.pool.fetchval("select due_at is null from grids where id = $1", grid_id),
            within=10,
            what="the grid rests",
        )

    assert script.calls(Stage.HOST) == 0
    assert await desk.events(InstanceReady, grid_id) == []


async def test_a_place_that_is_taken_twice_is_one_host(desk: Desk) -> None:
    grid_id = await desk.pay()
    for _ in range(2):
        async with desk.pool.transaction() as tx:
            grid = await desk.grid(grid_id)
            if grid.host is None:
                await placing.place(tx, desk.tools.fleet, grid, desk.tools.clock.now())

    assert await desk.pool.fetchval("select count(*) from hosts") == 1


def test_every_step_can_be_scripted() -> None:
    table: dict[Stage, Step] = scripted()

    assert set(table) == set(REAL_STEPS)
