"""What billing's events come to, with steps that do what the test says: real PostgreSQL, real leases, no cloud."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import permutations

import msgspec
import pytest

from s4_contracts.ids import GridId, SubscriptionId
from s4_contracts.provisioner import (
    FurlIssued,
    GridDeleted,
    GridResumed,
    GridSuspended,
    InstanceReady,
    ProvisioningFailed,
    ProvisioningProgressed,
)
from s4_provisioner import moves
from s4_provisioner.grids import Grid
from s4_provisioner.later import NotPaidYet
from s4_provisioner.lifecycle import DOWN, UP, Stage, Wanted
from s4_provisioner.outcome import Done, Outcome
from s4_provisioner.tools import Tools
from s4_runtime import Permanent, Temporary, new_id
from support.provisioner import Desk, a_desk_without_aws, a_payment
from support.scripted_steps import Script, scripted
from support.subscriptions import Subscription

NOW = timedelta(0)


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    async with a_desk_without_aws(database) as desk:
        yield desk


@pytest.fixture
def subscription() -> Subscription:
    return Subscription(a_payment())


class Held:
    """A step that waits until it is let go on, and then does what it is to do."""

    def __init__(self, stage: Stage) -> None:
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()
        self._step = scripted()[stage]

    async def __call__(self, grid: Grid, tools: Tools) -> Outcome:
        self.begun.set()
        await self.go_on.wait()
        return await self._step(grid, tools)


async def a_ready_grid(desk: Desk, subscription: Subscription) -> GridId:
    grid_id = await desk.pay(subscription.payment)
    await desk.comes_to(grid_id, Stage.READY)
    return grid_id


async def test_a_suspended_grid_is_stopped_by_one_step_and_that_is_told_once(
    desk: Desk, subscription: Subscription
) -> None:
    script = Script()
    async with desk.converging(scripted(script)):
        grid_id = await a_ready_grid(desk, subscription)
        before = await desk.grid(grid_id)
        await desk.tell(subscription.suspended())
        grid = await desk.comes_to(grid_id, Stage.SUSPENDED)

    (told,) = await desk.events(GridSuspended, grid_id)
    assert (told.account_id, told.signup_id) == subscription.whose
    assert (grid.host, grid.sealed_identity) == (None, before.sealed_identity)
    assert script.calls(Stage.STOP) == 1
    assert [step for step, _ in await desk.steps(grid_id)][len(UP) :] == ["stop"]


async def test_a_resumed_grid_is_proved_again_and_is_the_same_grid(desk: Desk, subscription: Subscription) -> None:
    script = Script()
    async with desk.converging(scripted(script)):
        grid_id = await a_ready_grid(desk, subscription)
        before = await desk.grid(grid_id)
        await desk.tell(subscription.suspended())
        await desk.comes_to(grid_id, Stage.SUSPENDED)
        await desk.tell(subscription.resumed())
        grid = await desk.comes_to(grid_id, Stage.READY)

    (told,) = await desk.events(GridResumed, grid_id)
    assert told.proved_at == grid.proved_at != before.proved_at
    assert (grid.sealed_identity, grid.furl_generation) == (before.sealed_identity, before.furl_generation)
    assert script.calls(Stage.PROOF) == 2
    assert len(await desk.events(FurlIssued, grid_id)) == len(await desk.events(InstanceReady, grid_id)) == 1
    assert grid.suspended_at is None


async def test_who_had_the_grid_before_is_not_told_of_each_step_of_its_return(
    desk: Desk, subscription: Subscription
) -> None:
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        told = await desk.events(ProvisioningProgressed, grid_id)
        await desk.tell(subscription.suspended())
        await desk.comes_to(grid_id, Stage.SUSPENDED)
        await desk.tell(subscription.resumed())
        await desk.comes_to(grid_id, Stage.READY)

    assert await desk.events(ProvisioningProgressed, grid_id) == told


async def test_each_suspension_and_each_return_is_told(desk: Desk, subscription: Subscription) -> None:
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        for _ in range(3):
            await desk.tell(subscription.suspended())
            await desk.comes_to(grid_id, Stage.SUSPENDED)
            await desk.tell(subscription.resumed())
            await desk.comes_to(grid_id, Stage.READY)

    assert len(await desk.events(GridSuspended, grid_id)) == len(await desk.events(GridResumed, grid_id)) == 3


async def test_a_return_is_told_though_the_grid_was_never_stopped(desk: Desk, subscription: Subscription) -> None:
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
    await desk.tell(subscription.suspended())
    await desk.tell(subscription.resumed())
    async with desk.converging(scripted()):
        await desk.comes_to(grid_id, Stage.READY)

    assert await desk.events(GridSuspended, grid_id) == []
    assert len(await desk.events(GridResumed, grid_id)) == 1


async def test_a_grid_that_is_suspended_while_it_is_built_is_built_when_it_is_resumed(
    desk: Desk, subscription: Subscription
) -> None:
    held = Held(Stage.BOOT)
    async with desk.converging({**scripted(), Stage.BOOT: held}):
        grid_id = await desk.pay(subscription.payment)
        await held.begun.wait()
        await desk.tell(subscription.suspended())
        held.go_on.set()
        await desk.comes_to(grid_id, Stage.SUSPENDED)
        assert await desk.events(InstanceReady, grid_id) == []

        await desk.tell(subscription.resumed())
        await desk.comes_to(grid_id, Stage.READY)

    assert [type(event) for kind in (InstanceReady, FurlIssued) for event in await desk.events(kind, grid_id)] == [
        *(InstanceReady, FurlIssued)
    ]


@pytest.mark.parametrize("stage", [*UP, Stage.STOP])
async def test_a_wish_that_comes_during_any_step_is_not_lost(
    desk: Desk, subscription: Subscription, stage: Stage
) -> None:
    held = Held(stage)
    async with desk.converging({**scripted(), stage: held}):
        grid_id = await desk.pay(subscription.payment)
        if stage is Stage.STOP:
            await desk.comes_to(grid_id, Stage.READY)
            await desk.tell(subscription.suspended())
        await held.begun.wait()
        await desk.tell(subscription.resumed() if stage is Stage.STOP else subscription.suspended())
        held.go_on.set()
        await desk.comes_to(grid_id, Stage.READY if stage is Stage.STOP else Stage.SUSPENDED)

    assert len(await desk.events(InstanceReady, grid_id)) == int(stage is Stage.STOP)


async def test_a_wish_during_a_long_wait_is_heeded_at_once(desk: Desk, subscription: Subscription) -> None:
    script = Script({Stage.HOST: [Temporary("aws-no-capacity", retry_after=timedelta(hours=1))]})
    async with desk.converging(scripted(script)):
        grid_id = await desk.pay(subscription.payment)
        await desk.put_off(grid_id, by=timedelta(minutes=1))
        await desk.tell(subscription.suspended())
        await desk.comes_to(grid_id, Stage.SUSPENDED)


async def test_old_news_changes_nothing(desk: Desk, subscription: Subscription) -> None:
    suspended, resumed = subscription.suspended(), subscription.resumed()
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(resumed)
        before = await desk.comes_to(grid_id, Stage.READY)
        await desk.tell(suspended)
        await desk.tell(resumed)

        assert (await desk.rests(grid_id)).stage is Stage.READY
        assert (await desk.grid(grid_id)).wishes == before.wishes


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_news_in_any_order_come_to_the_same(
    desk: Desk, subscription: Subscription, order: tuple[int, ...]
) -> None:
    told = [subscription.suspended(), subscription.resumed(), ended := subscription.ended()]
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        for number in order:
            await desk.tell(told[number])
        grid = await desk.comes_to(grid_id, Stage.SUSPENDED)

    assert (grid.wanted, grid.delete_after) == (Wanted.SUSPENDED, ended.delete_after)


async def test_news_of_one_revision_about_different_things_all_count(desk: Desk, subscription: Subscription) -> None:
    told = [subscription.suspended("disputed"), subscription.disputed(), subscription.changed(quota_bytes=7)]
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        for event in told:
            await desk.tell(msgspec.structs.replace(event, revision=subscription.payment.revision))
        grid = await desk.comes_to(grid_id, Stage.SUSPENDED)

    assert (grid.wanted, grid.frozen, grid.quota_bytes) == (Wanted.SUSPENDED, True, 7)


async def test_news_before_the_payment_is_tried_again_later(desk: Desk, subscription: Subscription) -> None:
    for event in (subscription.suspended(), subscription.ended(), subscription.disputed(), subscription.changed()):
        with pytest.raises(NotPaidYet):
            await desk.tell(event)

    assert await desk.pool.fetchval("select count(*) from grids") == 0


async def test_the_end_of_a_duplicate_that_has_no_grid_is_no_trouble(desk: Desk, subscription: Subscription) -> None:
    await desk.tell(subscription.ended(NOW, "duplicate"))

    assert await desk.pool.fetchval("select count(*) from grids") == 0


async def test_the_end_of_a_duplicate_does_not_touch_the_grid_that_another_subscription_pays_for(
    desk: Desk, subscription: Subscription
) -> None:
    paid = subscription.payment
    other = Subscription(msgspec.structs.replace(paid, subscription_id=SubscriptionId(new_id()), revision=9))
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        ready = await desk.grid(grid_id)
        await desk.tell(other.ended(NOW, "duplicate"))
        await desk.tell(other.disputed())

        assert await desk.grid(grid_id) == ready


async def test_another_plan_is_told_to_the_node_and_proved_and_to_nobody_else(
    desk: Desk, subscription: Subscription
) -> None:
    quotas: list[int | None] = []

    async def note(grid: Grid, _tools: Tools) -> Outcome:
        quotas.append(grid.quota_bytes)
        return Done()

    async with desk.converging({**scripted(), Stage.NODE: note}):
        grid_id = await a_ready_grid(desk, subscription)
        told = await desk.pool.fetchval("select count(*) from outbox")
        await desk.tell(subscription.changed(quota_bytes=4))
        await desk.comes_to(grid_id, Stage.READY)
        await desk.tell(subscription.changed(quota_bytes=None))
        await desk.comes_to(grid_id, Stage.READY)

    assert quotas == [subscription.payment.quota_bytes, 4, None]
    assert await desk.pool.fetchval("select count(*) from outbox") == told
    assert [step for step, _ in await desk.steps(grid_id)][len(UP) :] == ["node", "dns", "proof"] * 2


@pytest.mark.parametrize("stage", UP)
async def test_a_plan_that_changes_while_the_grid_is_built_reaches_its_node(
    desk: Desk, subscription: Subscription, stage: Stage
) -> None:
    quotas: list[int | None] = []
    held = Held(stage)

    async def note(grid: Grid, tools: Tools) -> Outcome:
        quotas.append(grid.quota_bytes)
        return await held(grid, tools) if stage is Stage.NODE else Done()

    async with desk.converging({**scripted(), stage: held, Stage.NODE: note}):
        grid_id = await desk.pay(subscription.payment)
        await held.begun.wait()
        await desk.tell(subscription.changed(quota_bytes=4))
        held.go_on.set()
        await desk.comes_to(grid_id, Stage.READY)

    assert quotas[-1] == 4


async def test_another_plan_of_a_suspended_grid_waits_for_its_return(desk: Desk, subscription: Subscription) -> None:
    script = Script()
    async with desk.converging(scripted(script)):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(subscription.suspended())
        await desk.comes_to(grid_id, Stage.SUSPENDED)
        await desk.tell(subscription.changed(quota_bytes=4))
        grid = await desk.rests(grid_id)

    assert (grid.stage, grid.quota_bytes) == (Stage.SUSPENDED, 4)
    assert script.calls(Stage.NODE) == 1


async def test_trouble_with_a_grid_that_somebody_had_is_not_told_as_a_grid_that_could_not_be_built(
    desk: Desk, subscription: Subscription
) -> None:
    script = Script()
    async with desk.converging(scripted(script)):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(subscription.suspended())
        await desk.comes_to(grid_id, Stage.SUSPENDED)
    async with desk.converging(scripted(Script({Stage.HOST: [Permanent("aws-quota-reached")]}))):
        await desk.tell(subscription.resumed())
        failed = await desk.rests(grid_id)
    async with desk.converging(scripted()):
        again = await moves.again(desk.pool, grid_id, Stage.FAILED, desk.tools.clock)
        await desk.comes_to(grid_id, Stage.READY)

    assert failed.stage is Stage.FAILED
    assert again is Stage.HOST
    assert await desk.events(ProvisioningFailed, grid_id) == []
    assert len(await desk.events(GridResumed, grid_id)) == 1


async def test_to_stop_a_grid_is_tried_for_as_long_as_it_takes(desk: Desk, subscription: Subscription) -> None:
    script = Script({Stage.STOP: [Temporary("host-unreachable")] * 6})
    async with desk.converging(scripted(script), max_attempts=2):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(subscription.suspended())
        await desk.comes_to(grid_id, Stage.SUSPENDED)

    assert script.calls(Stage.STOP) == 7


async def test_an_ended_grid_is_kept_until_its_day_and_then_removed_with_a_receipt(
    desk: Desk, subscription: Subscription
) -> None:
    script = Script()
    async with desk.converging(scripted(script)):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(subscription.ended(timedelta(days=30)))
        kept = await desk.comes_to(grid_id, Stage.SUSPENDED)
        await desk.pass_time(timedelta(days=29))
        assert (await desk.rests(grid_id)).stage is Stage.SUSPENDED
        assert [script.calls(stage) for stage in DOWN] == [0] * len(DOWN)
        await desk.pass_time(timedelta(days=2))
        gone = await desk.comes_to(grid_id, Stage.ABSENT)

    (told,) = await desk.events(GridDeleted, grid_id)
    assert ((told.account_id, told.signup_id), told.objects) == (subscription.whose, 0)
    assert kept.sealed_identity is not None
    assert gone.sealed_identity is None
    assert [step for step, _ in await desk.steps(grid_id)][len(UP) :] == ["stop", *DOWN]
    assert await desk.pool.fetchval("select count(*) from hosts where sealed_host_key is not null") == 0


async def test_a_day_that_comes_while_nobody_works_is_not_missed(desk: Desk, subscription: Subscription) -> None:
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(subscription.ended(timedelta(days=30)))
        await desk.comes_to(grid_id, Stage.SUSPENDED)
    await desk.pass_time(timedelta(days=31))
    async with desk.converging(scripted()):
        await desk.comes_to(grid_id, Stage.ABSENT)


@pytest.mark.parametrize("reason", ["not-provided", "duplicate"])
async def test_what_is_kept_for_no_time_is_removed_without_being_stopped_first(
    desk: Desk, subscription: Subscription, reason: str
) -> None:
    script = Script()
    async with desk.converging(scripted(script)):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(subscription.ended(NOW, "duplicate" if reason == "duplicate" else "not-provided"))
        await desk.comes_to(grid_id, Stage.ABSENT)

    assert script.calls(Stage.STOP) == 0
    assert await desk.events(GridSuspended, grid_id) == []
    assert len(await desk.events(GridDeleted, grid_id)) == 1


@pytest.mark.parametrize("kept", [NOW, -timedelta(days=400)])
async def test_a_grid_that_was_ready_is_kept_for_a_while_whatever_its_end_says(
    database: str, subscription: Subscription, kept: timedelta
) -> None:
    script = Script()
    async with (
        a_desk_without_aws(database, kept_at_least=timedelta(days=1)) as desk,
        desk.converging(scripted(script)),
    ):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(subscription.ended(kept, "not-provided"))
        assert (await desk.comes_to(grid_id, Stage.SUSPENDED)).wanted is Wanted.SUSPENDED
        await desk.pass_time(timedelta(hours=23))
        await desk.tell(subscription.disputed())
        await desk.pass_time(timedelta(days=400))
        assert (await desk.rests(grid_id)).stage is Stage.SUSPENDED
        assert not any(script.calls(stage) for stage in DOWN)
        await desk.tell(subscription.cleared())
        await desk.comes_to(grid_id, Stage.ABSENT)


async def test_a_grid_that_nobody_ever_had_is_not_kept(database: str, subscription: Subscription) -> None:
    broken = scripted(Script({Stage.BUCKET: [Permanent("aws-refused")]}))
    async with a_desk_without_aws(database, kept_at_least=timedelta(days=1)) as desk, desk.converging(broken):
        grid_id = await desk.pay(subscription.payment)
        assert (await desk.rests(grid_id)).stage is Stage.FAILED
        await desk.tell(subscription.ended(NOW, "not-provided"))
        await desk.comes_to(grid_id, Stage.ABSENT)


@pytest.mark.parametrize("stage", UP)
async def test_a_grid_that_could_not_be_built_is_removed_when_billing_gives_up(
    desk: Desk, subscription: Subscription, stage: Stage
) -> None:
    async with desk.converging(scripted(Script({stage: [Permanent("aws-refused")]}))):
        grid_id = await desk.pay(subscription.payment)
        assert (await desk.rests(grid_id)).stage is Stage.FAILED
        await desk.tell(subscription.ended(NOW, "not-provided"))
        await desk.rests(grid_id)
        await desk.comes_to(grid_id, Stage.ABSENT)

    (failed,) = await desk.events(ProvisioningFailed, grid_id)
    assert (failed.step, failed.final) == (stage.value, True)
    assert len(await desk.events(GridDeleted, grid_id)) == 1


@pytest.mark.parametrize("stage", UP)
async def test_a_grid_that_is_wanted_absent_while_it_is_built_is_removed(
    desk: Desk, subscription: Subscription, stage: Stage
) -> None:
    held = Held(stage)
    async with desk.converging({**scripted(), stage: held}):
        grid_id = await desk.pay(subscription.payment)
        await held.begun.wait()
        await desk.tell(subscription.ended(NOW))
        held.go_on.set()
        await desk.comes_to(grid_id, Stage.ABSENT)

    assert await desk.events(InstanceReady, grid_id) == []
    assert len(await desk.events(GridDeleted, grid_id)) == 1


async def test_nothing_of_a_contested_grid_is_removed_until_that_is_over(
    desk: Desk, subscription: Subscription
) -> None:
    script = Script()
    async with desk.converging(scripted(script)):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(subscription.disputed())
        await desk.tell(subscription.ended(timedelta(days=30), "disputed"))
        await desk.comes_to(grid_id, Stage.SUSPENDED)
        await desk.pass_time(timedelta(days=99))
        assert (await desk.rests(grid_id)).stage is Stage.SUSPENDED
        assert [script.calls(stage) for stage in DOWN] == [0] * len(DOWN)
        await desk.tell(subscription.cleared())
        await desk.comes_to(grid_id, Stage.ABSENT)


@pytest.mark.parametrize("stage", DOWN)
async def test_a_dispute_that_comes_while_a_grid_is_removed_stops_that_at_once(
    desk: Desk, subscription: Subscription, stage: Stage
) -> None:
    held, script = Held(stage), Script()
    async with desk.converging({**scripted(script), stage: held}):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(subscription.ended(NOW))
        await held.begun.wait()
        await desk.tell(subscription.disputed())
        held.go_on.set()
        assert (await desk.rests(grid_id)).stage is stage
        after = list(DOWN)[list(DOWN).index(stage) + 1 :]
        assert [script.calls(each) for each in after] == [0] * len(after)
        await desk.tell(subscription.cleared())
        await desk.comes_to(grid_id, Stage.ABSENT)

    assert len(await desk.events(GridDeleted, grid_id)) == 1


async def test_a_contested_grid_that_is_paid_for_is_served(desk: Desk, subscription: Subscription) -> None:
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(subscription.disputed())

        assert (await desk.rests(grid_id)).stage is Stage.READY


async def test_a_removed_grid_cannot_come_back(desk: Desk, subscription: Subscription) -> None:
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(subscription.ended(NOW))
        gone = await desk.comes_to(grid_id, Stage.ABSENT)
        for event in (subscription.payment, subscription.resumed(), subscription.suspended(), subscription.changed()):
            await desk.tell(event)
        await desk.tell(subscription.ended(NOW))

        assert await desk.rests(grid_id) == gone
    assert len(await desk.events(GridDeleted, grid_id)) == 1


async def test_a_removal_that_needs_a_person_goes_on_when_that_person_says_so(
    desk: Desk, subscription: Subscription
) -> None:
    script = Script({Stage.REVOKE: [Permanent("aws-refused")]})
    async with desk.converging(scripted(script)):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(subscription.ended(NOW))
        assert (await desk.rests(grid_id)).stage is Stage.FAILED
        assert await moves.again(desk.pool, grid_id, Stage.FAILED, desk.tools.clock) is Stage.REVOKE
        await desk.rests(grid_id)
        await desk.comes_to(grid_id, Stage.ABSENT)

    assert await desk.events(ProvisioningFailed, grid_id) == []


async def test_a_stop_that_needs_a_person_does_not_keep_the_day_of_removal_from_coming(
    desk: Desk, subscription: Subscription
) -> None:
    script = Script({Stage.STOP: [Permanent("grid-incomplete")]})
    async with desk.converging(scripted(script)):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(subscription.ended(timedelta(days=30)))
        assert (await desk.rests(grid_id)).stage is Stage.FAILED
        await desk.pass_time(timedelta(days=31))
        await until_absent(desk, grid_id)


async def until_absent(desk: Desk, grid_id: GridId) -> None:
    await desk.rests(grid_id)
    await desk.comes_to(grid_id, Stage.ABSENT)
