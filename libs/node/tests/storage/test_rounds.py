"""Work that never ends, whatever happens to one round of it."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from s4_node.storage.rounds import Rounds


class Work:
    """Each round ends as the test says."""

    def __init__(self) -> None:
        self.begun = 0
        self.ends: list[Deferred[None]] = []

    async def round(self) -> None:
        self.begun += 1
        end: Deferred[None] = Deferred()
        self.ends.append(end)
        await end


def the_rounds(work: Work, clock: Clock, seed: int = 0) -> Rounds:
    return Rounds("test", work.round, every=1000.0, clock=clock, chance=Random(seed))


def test_a_round_follows_the_end_of_the_one_before() -> None:
    work, clock = Work(), Clock()
    rounds = the_rounds(work, clock)
    rounds.start()
    clock.advance(0)
    clock.advance(5000)
    assert work.begun == 1
    work.ends[0].callback(None)
    assert rounds.succeeded_at == 5000
    clock.advance(899)
    assert work.begun == 1
    clock.advance(201)
    assert work.begun == 2


@pytest.mark.parametrize("error", [ValueError("a mistake"), ConnectionError(), SystemError()])
def test_a_round_that_fails_is_done_again_soon_and_then_less_soon(error: Exception) -> None:
    work, clock = Work(), Clock()
    rounds = the_rounds(work, clock)
    rounds.start()
    clock.advance(0)
    for failure, wait in enumerate((60, 120, 240, 480, 960, 1000, 1000), 1):
        work.ends[-1].errback(error)
        assert rounds.failures == failure
        clock.advance(wait / 2 - 1)
        assert work.begun == failure
        clock.advance(wait / 2 + 1)
        assert work.begun == failure + 1
    work.ends[-1].callback(None)
    assert rounds.failures == 0


def test_a_round_that_fails_before_it_waits_is_done_again_too() -> None:
    clock, begun = Clock(), []

    async def broken() -> None:
        begun.append(clock.seconds())
        raise ValueError

    rounds = Rounds("test", broken, every=1000.0, clock=clock, chance=Random(0))
    rounds.start()
    clock.advance(0)
    clock.advance(60)
    assert len(begun) == 2


@settings(deadline=None)
@given(st.integers(0, 1000), st.floats(1, 10_000))
def test_the_first_round_begins_within_the_time_given(seed: int, within: float) -> None:
    work, clock = Work(), Clock()
    the_rounds(work, clock, seed).start(within)
    clock.advance(within)
    assert work.begun == 1


def test_stopping_ends_what_is_under_way_and_nothing_comes_after() -> None:
    work, clock, stopped = Work(), Clock(), []
    rounds = the_rounds(work, clock)
    rounds.start()
    clock.advance(0)
    rounds.stop().addCallback(lambda _: stopped.append(True))
    assert stopped == [True]
    assert clock.getDelayedCalls() == []
    rounds.stop().addCallback(lambda _: stopped.append(True))
    assert stopped == [True, True]
    assert rounds.failures == 0


def test_stopping_between_two_rounds_stops_the_next() -> None:
    work, clock = Work(), Clock()
    rounds = the_rounds(work, clock)
    rounds.start(50)
    rounds.stop()
    clock.advance(100)
    assert work.begun == 0
    rounds.start()
    clock.advance(0)
    assert work.begun == 1
