"""Turns: one for each key, and bytes for all; nobody waits for ever and nobody overtakes."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred

from s4_node.storage.locks import Allowance, Locks


class Holder:
    """Somebody who wants in, and leaves when told to."""

    def __init__(self, what: Locks | Allowance, want: int) -> None:
        self.is_inside, self.leave, self.want = False, Deferred[None](), want
        self.done = Deferred.fromCoroutine(self.hold(what))
        self.done.addErrback(lambda failure: failure.trap(CancelledError))

    async def hold(self, what: Locks | Allowance) -> None:
        async with what.of(self.want):
            self.is_inside = True
            try:
                await self.leave
            finally:
                self.is_inside = False


def test_one_at_a_time_is_inside_for_a_key_and_others_are_not_disturbed() -> None:
    locks = Locks()
    first, second, other = (Holder(locks, key) for key in (1, 1, 2))
    assert [first.is_inside, second.is_inside, other.is_inside] == [True, False, True]
    first.leave.callback(None)
    assert second.is_inside
    second.leave.callback(None)
    other.leave.callback(None)
    assert len(locks) == 0


def test_who_fails_inside_leaves_and_who_gives_up_waiting_is_passed_over() -> None:
    locks = Locks()
    first, second, third = (Holder(locks, 1) for _ in range(3))
    second.done.cancel()
    first.leave.errback(CancelledError())
    assert third.is_inside
    third.leave.callback(None)
    assert len(locks) == 0


def test_a_lock_that_is_held_is_not_forgotten_by_who_has_left_an_older_one() -> None:
    locks, later = Locks(), list[Holder]()

    async def briefly() -> None:
        async with locks.of(1):
            pass
        later.extend((Holder(locks, 1), Holder(locks, 1)))

    first = Holder(locks, 1)
    waiting = Deferred.fromCoroutine(briefly())
    first.leave.callback(None)
    assert waiting.called
    assert [one.is_inside for one in (*later, Holder(locks, 1))] == [True, False, False]


def test_bytes_are_given_in_the_order_of_asking() -> None:
    allowance = Allowance(10)
    first, large, small = Holder(allowance, 6), Holder(allowance, 8), Holder(allowance, 2)
    assert [one.is_inside for one in (first, large, small)] == [True, False, False]
    first.leave.callback(None)
    assert [one.is_inside for one in (large, small)] == [True, True]


def test_more_than_there_is_goes_alone_and_not_never() -> None:
    allowance = Allowance(10)
    first, enormous, after = Holder(allowance, 1), Holder(allowance, 10**9), Holder(allowance, 1)
    assert not enormous.is_inside
    first.leave.callback(None)
    assert enormous.is_inside
    assert not after.is_inside
    enormous.leave.callback(None)
    assert after.is_inside


def test_who_gives_up_waiting_for_bytes_holds_up_nobody() -> None:
    allowance = Allowance(10)
    first, large, small = Holder(allowance, 6), Holder(allowance, 8), Holder(allowance, 2)
    large.done.cancel()
    assert small.is_inside
    first.leave.callback(None)
    small.leave.callback(None)
    assert allowance.free == 10


step = st.tuples(st.sampled_from(["come", "leave", "cancel"]), st.integers(0, 12))


@settings(deadline=None)
@given(st.lists(step, max_size=40))
def test_never_more_bytes_are_out_than_there_are_and_all_come_back(steps: list[tuple[str, int]]) -> None:
    allowance, holders = Allowance(10), list[Holder]()
    for action, number in steps:
        if action == "come":
            holders.append(Holder(allowance, number))
        elif holders and action == "leave":
            holder = holders[number % len(holders)]
            if holder.is_inside:
                holder.leave.callback(None)
        elif holders:
            holders[number % len(holders)].done.cancel()
        inside = sum(min(10, holder.want) for holder in holders if holder.is_inside)
        assert 0 <= allowance.free == 10 - inside
    for holder in holders:
        holder.done.cancel()
    assert allowance.free == 10
