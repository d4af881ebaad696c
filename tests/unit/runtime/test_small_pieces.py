import asyncio
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4_runtime import Backoff, Permanent, Temporary, derived_id, is_id, new_id, split_address
from s4_runtime.listen import AddressUnusable
from s4_runtime.testing import ManualClock


@given(attempt=st.integers(-5, 10_000), seed=st.integers())
def test_a_wait_is_never_longer_than_its_cap_and_jitter(attempt: int, seed: int) -> None:
    backoff = Backoff(timedelta(seconds=1), timedelta(minutes=5), 0.2)
    wait = backoff.delay(attempt, Random(seed))
    assert timedelta(seconds=0.8) <= wait <= timedelta(minutes=6)


def test_waits_double() -> None:
    backoff = Backoff(timedelta(seconds=1), timedelta(hours=1), 0)
    assert [backoff.delay(attempt, Random(1)).seconds for attempt in (1, 2, 3, 4)] == [1, 2, 4, 8]


def test_new_ids_sort_by_age_and_derived_ids_follow_from_their_parts() -> None:
    ids = [new_id() for _ in range(100)]
    assert sorted(ids) == ids
    assert len(set(ids)) == 100
    assert all(map(is_id, ids))
    assert derived_id("a", "b") == derived_id("a", "b")
    assert len({derived_id("a", "b"), derived_id("ab"), derived_id("b", "a")}) == 3


@pytest.mark.parametrize("text", ["", "x", "../../etc/passwd", "0199A0B2-7C1E-7000-8000-000000000001", "{" + "0" * 36])
def test_what_is_no_id_is_told_apart(text: str) -> None:
    assert not is_id(text)


def test_errors_show_a_code_and_ids_only() -> None:
    error = Temporary("no-capacity", retry_after=timedelta(minutes=5), host="h1")
    assert (str(error), error.code, error.ids) == ("no-capacity host=h1", "no-capacity", {"host": "h1"})
    assert error.retry_after == timedelta(minutes=5)
    assert not isinstance(Permanent("x"), Temporary)


def test_addresses_are_split_or_refused() -> None:
    assert split_address("127.0.0.1:80") == ("127.0.0.1", 80)
    assert split_address("[::1]:80") == ("::1", 80)
    for wrong in ("", "80", "host:", ":80", "host:99999", "host:http"):
        with pytest.raises(AddressUnusable):
            split_address(wrong)


async def test_a_manual_clock_wakes_who_waited_long_enough() -> None:
    clock = ManualClock()
    began = clock.now()
    async with asyncio.TaskGroup() as group:
        sleeper = group.create_task(clock.sleep(60))
        await asyncio.sleep(0)
        await clock.advance(timedelta(seconds=59))
        assert not sleeper.done()
        await clock.advance(timedelta(seconds=1))
    assert sleeper.done()
    assert clock.now() - began == timedelta(minutes=1)
    assert clock.monotonic() == 60
