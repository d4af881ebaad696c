"""Which mark a grid has passed: pure, for every fill level before and after."""

import pytest

from s4_notifier.fillings import passed


@pytest.mark.parametrize(
    ("before", "percent", "after"),
    [
        (0, 0, 0),
        (0, 79, 0),
        (0, 80, 80),
        (0, 99, 80),
        (0, 100, 100),
        (0, 1000, 100),
        (80, 75, 80),
        (80, 74, 0),
        (80, 99, 80),
        (80, 100, 100),
        (100, 95, 100),
        (100, 94, 80),
        (100, 75, 80),
        (100, 74, 0),
    ],
)
def test_a_mark_is_passed_at_once_and_left_only_well_below(before: int, percent: int, after: int) -> None:
    assert passed(before, percent * 10**9, 100 * 10**9) == after


def test_one_byte_makes_the_difference() -> None:
    quota = 10**15 + 1
    assert passed(0, quota - 1, quota) == 80
    assert passed(0, quota, quota) == 100


def test_a_measurement_told_again_passes_nothing_new() -> None:
    for before in (0, 80, 100):
        for percent in range(130):
            once = passed(before, percent, 100)
            assert passed(once, percent, 100) == once
