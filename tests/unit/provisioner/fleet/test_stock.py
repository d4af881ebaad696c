from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from s4_contracts.ids import HostId
from s4_provisioner.fleet.stock import Empty
from s4_provisioner.fleet.warm import Change, change
from s4_runtime import new_id

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def an_empty(age: int = 0, *, is_ready: bool = True, is_current: bool = True) -> Empty:
    """`age` in minutes."""
    created = BEGAN - timedelta(minutes=age)
    return Empty(host_id=HostId(new_id()), is_ready=is_ready, is_current=is_current, created_at=created)


EMPTIES = some.lists(
    some.builds(
        lambda age, is_ready, is_current: an_empty(age, is_ready=is_ready, is_current=is_current),
        some.integers(0, 99),
        some.booleans(),
        some.booleans(),
    ),
    max_size=9,
).map(lambda empties: sorted(empties, key=lambda each: each.created_at))


def test_what_is_missing_is_launched() -> None:
    assert change(3, [an_empty()], may_launch=3) == Change(launch=2)


def test_a_host_that_is_coming_is_not_missing() -> None:
    assert change(1, [an_empty(is_ready=False)], may_launch=1) == Change()


def test_of_what_is_too_much_the_oldest_goes() -> None:
    old, young = an_empty(9), an_empty(1)
    assert change(1, [old, young], may_launch=1) == Change(surplus=(old.host_id,))


def test_what_is_coming_goes_before_what_is_there() -> None:
    old, coming = an_empty(9), an_empty(1, is_ready=False)
    assert change(1, [old, coming], may_launch=1) == Change(surplus=(coming.host_id,))


def test_an_outdated_host_stays_until_another_is_ready() -> None:
    old = an_empty(9, is_current=False)
    coming, ready = an_empty(1, is_ready=False), an_empty(1)

    assert change(1, [old], may_launch=1) == Change(launch=1)
    assert change(1, [old, coming], may_launch=1) == Change()
    assert change(1, [old, ready], may_launch=1) == Change(outdated=(old.host_id,))


def test_a_pool_that_is_not_to_have_any_lets_all_go() -> None:
    empties = [an_empty(2), an_empty(1, is_current=False)]
    gone = change(0, empties, may_launch=0)
    assert {*gone.surplus, *gone.outdated} == {each.host_id for each in empties}


@given(some.integers(0, 5), some.integers(0, 5), EMPTIES)
def test_done_again_and_again_there_are_exactly_as_many_as_wanted(
    warm: int, may_launch: int, empties: list[Empty]
) -> None:
    here = list(empties)
    for _ in range(20):
        due = change(warm, here, may_launch=may_launch)
        usable = [each for each in here if each.is_ready]
        released = {*due.surplus, *due.outdated}
        left = [each for each in usable if each.host_id not in released]
        assert len(left) >= min(warm, len(usable)), "what can be used is not given away below what is wanted"
        here = [
            Empty(host_id=each.host_id, is_ready=True, is_current=each.is_current, created_at=each.created_at)
            for each in here
            if each.host_id not in released
        ]
        here += [an_empty(is_ready=False) for _ in range(due.launch)]
    if may_launch:
        assert len(here) == warm
        assert all(each.is_current for each in here)
    assert len([each for each in here if each.is_current]) <= warm
