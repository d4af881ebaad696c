"""What a grid's owner chooses, beside what billing and operators say: real PostgreSQL, real leases, no cloud."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import permutations

import pytest

from s4_contracts.ids import AccountId, GridId
from s4_contracts.provisioner import (
    DeletionScheduled,
    FurlIssued,
    GridDeleted,
    GridResumed,
    GridSuspended,
    InstanceReady,
)
from s4_provisioner import asked, moves
from s4_provisioner.lifecycle import Stage
from s4_provisioner.owners import NotTheirs
from s4_runtime import Permanent, new_id
from support.owners import Owner
from support.provisioner import Desk, a_desk_without_aws, a_payment
from support.scripted_steps import Script, scripted
from support.subscriptions import Subscription

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    async with a_desk_without_aws(database) as desk:
        yield desk


@pytest.fixture
def subscription(desk: Desk) -> Subscription:
    return Subscription(a_payment(), desk.calendar)


@pytest.fixture
def owner(desk: Desk, subscription: Subscription) -> Owner:
    return Owner(subscription.payment, desk.calendar)


async def a_ready_grid(desk: Desk, subscription: Subscription) -> GridId:
    grid_id = await desk.pay(subscription.payment)
    await desk.comes_to(grid_id, Stage.READY)
    return grid_id


async def reasons(desk: Desk, grid_id: GridId) -> list[str | None]:
    return [told.reason for told in await desk.events(GridSuspended, grid_id)]


async def held(desk: Desk, grid_id: GridId, *, held: bool) -> None:
    """As by an operator."""
    async with desk.pool.transaction() as tx:
        await asked.hold(tx, grid_id, desk.tools.clock.now(), held=held)
        await moves.heed(tx, grid_id, desk.tools.clock.now(), retry=True)
        await tx.post()


async def test_a_paused_grid_has_no_host_and_is_the_same_grid_after_it(
    desk: Desk, subscription: Subscription, owner: Owner
) -> None:
    script = Script()
    async with desk.converging(scripted(script)):
        grid_id = await a_ready_grid(desk, subscription)
        ready = await desk.grid(grid_id)
        await desk.tell(owner.paused())
        paused = await desk.comes_to(grid_id, Stage.SUSPENDED)
        await desk.tell(owner.unpaused())
        resumed = await desk.comes_to(grid_id, Stage.READY)

    assert await reasons(desk, grid_id) == ["owner"]
    assert (paused.host, paused.wanted, paused.bucket) == (None, ready.wanted, ready.bucket)
    (told,) = await desk.events(GridResumed, grid_id)
    assert told.proved_at == resumed.proved_at != ready.proved_at
    assert script.calls(Stage.PROOF) == 2
    assert len(await desk.events(FurlIssued, grid_id)) == 1


async def test_each_pause_and_each_return_is_told(desk: Desk, subscription: Subscription, owner: Owner) -> None:
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        for _ in range(3):
            await desk.tell(owner.paused())
            await desk.comes_to(grid_id, Stage.SUSPENDED)
            await desk.tell(owner.unpaused())
            await desk.comes_to(grid_id, Stage.READY)

    assert await reasons(desk, grid_id) == ["owner"] * 3
    assert len(await desk.events(GridResumed, grid_id)) == 3


async def test_choices_that_come_late_or_twice_change_nothing(
    desk: Desk, subscription: Subscription, owner: Owner
) -> None:
    paused, unpaused, again = owner.paused(), owner.unpaused(), owner.paused()
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(unpaused)
        await desk.tell(paused)
        assert (await desk.rests(grid_id)).stage is Stage.READY
        await desk.tell(again)
        await desk.comes_to(grid_id, Stage.SUSPENDED)
        for old in (unpaused, paused, again):
            await desk.tell(old)
        assert (await desk.rests(grid_id)).stage is Stage.SUSPENDED

    assert await reasons(desk, grid_id) == ["owner"]
    assert await desk.events(GridResumed, grid_id) == []


async def test_a_pause_that_is_taken_back_before_the_grid_was_stopped_is_answered(
    desk: Desk, subscription: Subscription, owner: Owner
) -> None:
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
    await desk.tell(owner.paused())
    await desk.tell(owner.unpaused())
    async with desk.converging(scripted()):
        await desk.comes_to(grid_id, Stage.READY)

    assert await reasons(desk, grid_id) == []
    assert len(await desk.events(GridResumed, grid_id)) == 1


async def test_a_grid_that_is_paused_before_it_was_ready_is_built_on_when_its_owner_says_so(
    desk: Desk, subscription: Subscription, owner: Owner
) -> None:
    grid_id = await desk.pay(subscription.payment)
    await desk.tell(owner.paused())
    async with desk.converging(scripted()):
        await desk.comes_to(grid_id, Stage.SUSPENDED)
        assert await desk.events(InstanceReady, grid_id) == []
        await desk.tell(owner.unpaused())
        await desk.comes_to(grid_id, Stage.READY)

    assert await reasons(desk, grid_id) == ["owner"]
    assert len(await desk.events(InstanceReady, grid_id)) == 1


async def test_a_grid_that_waits_for_a_person_can_be_paused(
    desk: Desk, subscription: Subscription, owner: Owner
) -> None:
    async with desk.converging(scripted(Script({Stage.HOST: [Permanent("aws-quota-reached")]}))):
        grid_id = await desk.pay(subscription.payment)
        assert (await desk.rests(grid_id)).stage is Stage.FAILED
        await desk.tell(owner.paused())
        await desk.rests(grid_id)
        await desk.tell(owner.unpaused())
        await desk.comes_to(grid_id, Stage.READY)


async def test_who_has_to_say_something_first_is_told_whenever_that_changes(
    desk: Desk, subscription: Subscription, owner: Owner
) -> None:
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(owner.paused())
        await desk.comes_to(grid_id, Stage.SUSPENDED)
        for event in (subscription.suspended(), subscription.suspended()):
            await desk.tell(event)
            await desk.rests(grid_id)
        await held(desk, grid_id, held=True)
        await desk.rests(grid_id)
        await desk.tell(subscription.resumed())
        await desk.rests(grid_id)
        await held(desk, grid_id, held=False)
        await desk.rests(grid_id)
        await desk.tell(owner.unpaused())
        await desk.comes_to(grid_id, Stage.READY)

    assert await reasons(desk, grid_id) == ["owner", "billing", "operator", "owner"]
    assert len(await desk.events(GridResumed, grid_id)) == 1


async def test_to_take_a_pause_back_does_not_serve_what_is_not_paid(
    desk: Desk, subscription: Subscription, owner: Owner
) -> None:
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        for event in (subscription.suspended(), owner.paused(), owner.unpaused()):
            await desk.tell(event)
            assert (await desk.rests(grid_id)).stage is Stage.SUSPENDED

    assert await reasons(desk, grid_id) == ["billing"]


async def test_a_paused_grid_whose_subscription_ends_is_kept_and_removed_as_promised(
    desk: Desk, subscription: Subscription, owner: Owner
) -> None:
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(owner.paused())
        await desk.comes_to(grid_id, Stage.SUSPENDED)
        await desk.tell(subscription.ended(30 * DAY))
        assert (await desk.rests(grid_id)).stage is Stage.SUSPENDED
        await desk.pass_time(31 * DAY)
        await desk.comes_to(grid_id, Stage.ABSENT)
        await desk.tell(owner.unpaused())
        assert (await desk.rests(grid_id)).stage is Stage.ABSENT

    assert len(await desk.events(GridDeleted, grid_id)) == 1


@pytest.mark.parametrize("choice", ["paused", "erased"])
async def test_what_somebody_else_chooses_is_for_a_person_to_look_at(
    desk: Desk, subscription: Subscription, owner: Owner, choice: str
) -> None:
    event = getattr(owner, choice)()
    with pytest.raises(NotTheirs):
        await desk.tell(event)

    await desk.pay(subscription.payment)
    owner.account_id = AccountId(new_id())
    with pytest.raises(NotTheirs):
        await desk.tell(getattr(owner, choice)())


async def test_what_its_owner_wants_erased_is_gone_a_day_later(
    desk: Desk, subscription: Subscription, owner: Owner
) -> None:
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(subscription.ended(30 * DAY))
        await desk.comes_to(grid_id, Stage.SUSPENDED)
        assert await desk.events(DeletionScheduled, grid_id) == []
        await desk.tell(erased := owner.erased())
        await desk.pass_time(23 * HOUR)
        assert (await desk.rests(grid_id)).stage is Stage.SUSPENDED
        await desk.pass_time(HOUR)
        await desk.comes_to(grid_id, Stage.ABSENT)

    (told,) = await desk.events(DeletionScheduled, grid_id)
    assert (told.delete_at, told.by_owner, told.revision) == (erased.occurred_at + DAY, True, 1)
    assert len(await desk.events(GridDeleted, grid_id)) == 1


async def test_an_erasure_that_is_taken_back_leaves_the_promised_day(
    desk: Desk, subscription: Subscription, owner: Owner
) -> None:
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(ended := subscription.ended(30 * DAY))
        await desk.tell(erased := owner.erased())
        await desk.tell(owner.unerased())
        await desk.tell(erased)
        await desk.pass_time(29 * DAY)
        assert (await desk.rests(grid_id)).stage is Stage.SUSPENDED
        await desk.pass_time(2 * DAY)
        await desk.comes_to(grid_id, Stage.ABSENT)
        await desk.tell(owner.unerased())

    told = [(each.delete_at, each.by_owner, each.revision) for each in await desk.events(DeletionScheduled, grid_id)]
    assert told == [(erased.occurred_at + DAY, True, 1), (ended.delete_after, False, 2)]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_an_end_an_erasure_and_its_undoing_come_in_any_order(
    desk: Desk, subscription: Subscription, owner: Owner, order: tuple[int, ...]
) -> None:
    told = [ended := subscription.ended(30 * DAY), owner.erased(), owner.unerased()]
    grid_id = await desk.pay(subscription.payment)
    await desk.pool.execute("update grids set proved_at = now()")
    for number in order:
        await desk.tell(told[number])

    assert (await desk.grid(grid_id)).delete_after == ended.delete_after
    days = [each.delete_at for each in await desk.events(DeletionScheduled, grid_id)]
    assert days[-1:] in ([], [ended.delete_after])


async def test_an_erasure_that_is_heard_before_the_end_waits_for_it(
    desk: Desk, subscription: Subscription, owner: Owner
) -> None:
    ended, erased = subscription.ended(30 * DAY), owner.erased()
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(erased)
        assert await desk.events(DeletionScheduled, grid_id) == []
        await desk.tell(ended)
        await desk.comes_to(grid_id, Stage.SUSPENDED)

    (told,) = await desk.events(DeletionScheduled, grid_id)
    assert (told.delete_at, told.by_owner) == (erased.occurred_at + DAY, True)


async def test_an_erasure_of_an_end_that_was_taken_back_does_not_hasten_the_next_one(
    desk: Desk, subscription: Subscription, owner: Owner
) -> None:
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        for event in (subscription.ended(30 * DAY), owner.erased(), subscription.resumed()):
            await desk.tell(event)
        await desk.comes_to(grid_id, Stage.READY)
        assert (await desk.grid(grid_id)).delete_after is None
        await desk.pass_time(5 * DAY)
        await desk.tell(ended := subscription.ended(30 * DAY))
        grid = await desk.comes_to(grid_id, Stage.SUSPENDED)

    assert grid.delete_after == ended.delete_after


async def test_nothing_is_erased_while_the_payment_is_contested(
    desk: Desk, subscription: Subscription, owner: Owner
) -> None:
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        for event in (subscription.ended(30 * DAY), owner.erased(), subscription.disputed()):
            await desk.tell(event)
        await desk.pass_time(3 * DAY)
        assert (await desk.rests(grid_id)).stage is Stage.SUSPENDED
        await desk.tell(subscription.cleared())
        await desk.comes_to(grid_id, Stage.ABSENT)


async def test_nothing_is_erased_that_an_operator_holds(desk: Desk, subscription: Subscription, owner: Owner) -> None:
    async with desk.converging(scripted()):
        grid_id = await a_ready_grid(desk, subscription)
        await desk.tell(subscription.ended(30 * DAY))
        await desk.tell(owner.erased())
        await held(desk, grid_id, held=True)
        await desk.pass_time(3 * DAY)
        assert (await desk.rests(grid_id)).stage is Stage.SUSPENDED
        await held(desk, grid_id, held=False)
        await desk.comes_to(grid_id, Stage.ABSENT)
