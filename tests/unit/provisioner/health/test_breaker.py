from datetime import timedelta
from itertools import product

import pytest

from s4_provisioner.health.breaker import Count, Region, State, Trials, following, is_outage
from support.provisioner import some_settings

LIMITS = some_settings(
    "postgresql://nowhere",
    breaker_least=5,
    breaker_share=0.2,
    breaker_calm=timedelta(minutes=1),
    breaker_rest=timedelta(minutes=15),
)
WELL, ILL = Count(hosts=20, bad_hosts=1), Count(hosts=20, bad_hosts=6)
NOTHING, SHORT, CALM, REST = timedelta(0), timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=15)
NONE, WORKED, PENDING = Trials(), Trials(begun=2, pending=0), Trials(begun=2, pending=1)


@pytest.mark.parametrize(
    ("bad", "hosts", "expected"),
    [(4, 4, False), (5, 5, True), (5, 24, True), (5, 25, False), (20, 100, False), (21, 100, True), (0, 0, False)],
)
def test_it_is_an_outage_when_at_least_five_and_more_than_a_fifth_are_bad(
    bad: int, hosts: int, *, expected: bool
) -> None:
    assert is_outage(Count(hosts=hosts, bad_hosts=bad), LIMITS) is expected


def test_one_host_with_many_failing_grids_is_no_outage() -> None:
    assert not is_outage(Count(hosts=3, bad_hosts=1, grids=1500, failing_apart=0), LIMITS)
    assert is_outage(Count(hosts=2, bad_hosts=2, grids=1000, failing_apart=500), LIMITS)


@pytest.mark.parametrize(
    ("state", "waited", "lately", "now", "trials", "expected"),
    [
        (State.CLOSED, REST, WELL, WELL, NONE, State.CLOSED),
        (State.CLOSED, NOTHING, ILL, ILL, NONE, State.OPEN),
        (State.CLOSED, REST, WELL, ILL, NONE, State.CLOSED),
        (State.OPEN, SHORT, ILL, ILL, NONE, State.OPEN),
        (State.OPEN, SHORT, WELL, ILL, NONE, State.OPEN),
        (State.OPEN, SHORT, ILL, WELL, NONE, State.OPEN),
        (State.OPEN, SHORT, WELL, WELL, NONE, State.HALF_OPEN),
        (State.OPEN, REST, ILL, ILL, NONE, State.HALF_OPEN),
        (State.HALF_OPEN, SHORT, ILL, ILL, WORKED, State.OPEN),
        (State.HALF_OPEN, SHORT, WELL, WELL, NONE, State.HALF_OPEN),
        (State.HALF_OPEN, CALM, WELL, WELL, NONE, State.CLOSED),
        (State.HALF_OPEN, CALM, WELL, ILL, NONE, State.HALF_OPEN),
        (State.HALF_OPEN, SHORT, WELL, ILL, WORKED, State.CLOSED),
        (State.HALF_OPEN, CALM, WELL, WELL, PENDING, State.HALF_OPEN),
        (State.HALF_OPEN, REST, WELL, ILL, PENDING, State.OPEN),
    ],
)
def test_the_state_that_follows(
    *, state: State, waited: timedelta, lately: Count, now: Count, trials: Trials, expected: State
) -> None:
    assert following(state, waited, Region(lately=lately, now=now, trials=trials), LIMITS) is expected


def test_every_state_and_count_has_a_following_state_and_no_outage_is_ever_answered_by_closing() -> None:
    for state, waited, lately, now, trials in product(
        State, (NOTHING, SHORT, CALM, REST), (WELL, ILL), (WELL, ILL), (NONE, WORKED, PENDING)
    ):
        after = following(state, waited, Region(lately=lately, now=now, trials=trials), LIMITS)
        assert isinstance(after, State)
        assert not (lately is ILL and after is State.CLOSED)


def test_a_region_that_is_well_again_comes_to_be_closed() -> None:
    state = State.OPEN
    for _ in range(3):
        state = following(state, CALM, Region(lately=WELL, now=WELL), LIMITS)
    assert state is State.CLOSED
