from datetime import UTC, datetime, timedelta

from s4_bus.waiting import Waiting

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_nothing_waits_in_an_empty_queue() -> None:
    assert Waiting().oldest(0, NOON) == 0


def test_what_waits_is_not_older_than_what_was_handled_last() -> None:
    waiting = Waiting()
    waiting.passed(NOON)
    assert waiting.oldest(3, NOON + 5 * MINUTE) == 300


def test_what_came_after_the_queue_was_empty_is_younger_than_that() -> None:
    waiting = Waiting()
    waiting.passed(NOON)
    waiting.oldest(0, NOON + 4 * MINUTE)
    assert waiting.oldest(1, NOON + 5 * MINUTE) == 60


def test_a_message_that_came_back_for_another_try_makes_the_others_no_older() -> None:
    waiting = Waiting()
    waiting.passed(NOON + 4 * MINUTE)
    waiting.passed(NOON)
    assert waiting.oldest(2, NOON + 5 * MINUTE) == 60


def test_a_queue_that_never_gave_anything_counts_from_the_first_look() -> None:
    waiting = Waiting()
    assert waiting.oldest(9, NOON) == 0
    assert waiting.oldest(9, NOON + MINUTE) == 60
