from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4_bus.retry import JITTER, MAX_ATTEMPTS, next_retry
from s4_bus.topology import RETRY_DELAYS

ANY = st.randoms(use_true_random=False)


@pytest.mark.parametrize(("attempt", "tier"), [(1, "1s"), (2, "5s"), (3, "30s"), (4, "5m"), (7, "5m")])
def test_each_failed_attempt_waits_longer_up_to_the_longest(attempt: int, tier: str) -> None:
    retry = next_retry(attempt, None, Random(1))
    assert retry is not None
    assert retry.tier == tier


@given(random=ANY, attempt=st.integers(1, MAX_ATTEMPTS - 1))
def test_waits_are_spread_around_their_tier(random: Random, attempt: int) -> None:
    retry = next_retry(attempt, None, random)
    assert retry is not None
    assert abs(retry.delay / RETRY_DELAYS[retry.tier] - 1) <= JITTER


@given(random=ANY, attempt=st.integers(MAX_ATTEMPTS, 100), asked=st.none() | st.timedeltas(timedelta()))
def test_after_the_last_attempt_there_is_none(random: Random, attempt: int, asked: timedelta | None) -> None:
    assert next_retry(attempt, asked, random) is None


@given(random=ANY, attempt=st.integers(1, MAX_ATTEMPTS - 1), seconds=st.integers(0, 300))
def test_a_longer_wait_that_was_asked_for_is_in_a_tier_of_its_length(
    random: Random, attempt: int, seconds: int
) -> None:
    asked = timedelta(seconds=seconds)
    retry = next_retry(attempt, asked, random)
    assert retry is not None
    assert RETRY_DELAYS[retry.tier] >= asked


@given(random=ANY, hours=st.integers(1, 1000))
def test_a_wait_beyond_all_tiers_ends_with_the_longest_so_that_it_holds_up_no_other(random: Random, hours: int) -> None:
    retry = next_retry(1, timedelta(hours=hours), random)
    assert retry is not None
    assert retry.tier == "5m"
    assert retry.delay <= timedelta(minutes=5) * (1 + JITTER)
