"""How far along something is, in words and in a drawing."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4_web.pace import Part, StepState, about, bank_day, bars, outline, within
from s4_web.usual import Times

LENGTH = 1000


@pytest.mark.parametrize(
    ("most", "promised"),
    [(0.2, 1), (2.9, 3), (9.9, 10), (12.0, 15), (43.0, 45), (61.0, 90), (301.0, 330), (1000.0, 1020)],
)
def test_what_is_promised_is_rounded_up(most: float, promised: float) -> None:
    assert within(Times(most / 2, most)) == promised


def test_of_what_was_not_measured_nothing_is_promised() -> None:
    assert within(None) is None


@given(st.floats(0, 10**6), st.floats(0, 10**6))
def test_a_longer_time_is_never_promised_as_a_shorter_one(one: float, other: float) -> None:
    less, more = sorted((one, other))
    promised = within(Times(less, less)), within(Times(more, more))
    assert promised[0] is not None
    assert promised[1] is not None
    assert less <= promised[0] <= promised[1]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "less than 1 s"), (1.4, "1 s"), (59.4, "59 s"), (59.6, "1 min"), (90, "1 min 30 s"), (660.4, "11 min")],
)
def test_times_that_are_known_more_or_less_are_said_so(seconds: float, words: str) -> None:
    assert about(seconds) == words


@pytest.mark.parametrize(
    ("sent", "there"),
    [((2026, 11, 20), (2026, 12, 4)), ((2026, 11, 21), (2026, 12, 4)), ((2026, 11, 23), (2026, 12, 7))],
)
def test_money_is_with_the_bank_after_ten_working_days(sent: tuple[int, int, int], there: tuple[int, int, int]) -> None:
    assert bank_day(datetime(*sent, tzinfo=UTC)) == datetime(*there, tzinfo=UTC)


def test_steps_are_drawn_as_long_as_they_usually_take() -> None:
    short, long = bars([("done", 1.0, Times(10, 20)), ("todo", None, Times(30, 40))])
    assert long.width == pytest.approx(3 * short.width)
    assert (short.filled, long.filled) == (short.width, 0)


def test_bars_are_one_path_in_the_drawing() -> None:
    drawn = bars([("done", 1.0, None), ("todo", None, None)])
    assert outline(drawn) == "M0 0h497v10h-497zM503 0h497v10h-497z"


def test_where_it_is_not_known_of_every_step_all_are_drawn_alike() -> None:
    one, two = bars([("doing", 1.0, None), ("todo", None, Times(30, 40))])
    assert one.width == pytest.approx(two.width)
    assert one.filled == pytest.approx(one.width / 2)


STATES: list[StepState] = ["todo", "doing", "done", "retrying"]
times = st.one_of(st.none(), st.builds(Times, st.floats(0, 10**5), st.floats(0, 10**5)))
parts = st.tuples(st.sampled_from(STATES), st.one_of(st.none(), st.floats(0, 10**7)), times)


@given(st.lists(parts, min_size=1, max_size=12))
def test_the_drawing_is_always_of_one_length_and_nothing_is_full_before_it_is_done(drawn: list[Part]) -> None:
    found = bars(drawn)
    assert found[-1].x + found[-1].width == pytest.approx(LENGTH)
    for bar in found:
        assert 0 <= bar.filled <= bar.width
        assert bar.width > 0
        assert bar.state != "done" or bar.filled == bar.width
