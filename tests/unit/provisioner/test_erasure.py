"""On which day everything is deleted, for every order in which an end and a choice can come."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from s4_provisioner.erasure import Ending, erase_at

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
END = datetime(2030, 1, 1, tzinfo=UTC)
PROMISED = END + 30 * DAY


def ending(chosen_at: datetime | None, at: datetime | None, *, has_ended: bool = True) -> Ending:
    return Ending(
        ended_at=END if has_ended else None,
        kept_until=PROMISED if has_ended else None,
        erasure_chosen_at=chosen_at,
        erase_at=at,
    )


@pytest.mark.parametrize(
    ("chosen_at", "at", "day", "is_erasure"),
    [
        (None, None, PROMISED, False),
        (END + HOUR, END + DAY, END + DAY, True),
        (END, END + DAY, END + DAY, True),
        (END - HOUR, END + DAY, END + DAY, True),
        (END - HOUR - SECOND, END + DAY, PROMISED, False),
        (END + 29 * DAY, PROMISED + DAY, PROMISED, True),
    ],
    ids=["promised", "chosen", "at-once", "before-the-end-was-seen", "of-an-earlier-end", "never-later-than-promised"],
)
def test_the_day_follows_from_the_end_and_the_choice(
    chosen_at: datetime | None, at: datetime | None, day: datetime, *, is_erasure: bool
) -> None:
    found = ending(chosen_at, at)

    assert (found.delete_after, found.is_erasure) == (day, is_erasure)


@pytest.mark.parametrize(("resumed_after", "is_erasure"), [(-SECOND, True), (0 * SECOND, False), (SECOND, False)])
def test_a_return_after_a_choice_undoes_it(resumed_after: timedelta, *, is_erasure: bool) -> None:
    found = msgspec.structs.replace(ending(END, END + DAY), resumed_at=END + resumed_after)

    assert found.is_erasure is is_erasure


@pytest.mark.parametrize("chosen_at", [None, END - DAY, END, END + DAY])
def test_while_the_subscription_goes_on_nothing_is_deleted_whatever_was_chosen(chosen_at: datetime | None) -> None:
    found = ending(chosen_at, chosen_at and chosen_at + DAY, has_ended=False)

    assert (found.delete_after, found.is_erasure) == (None, False)


@pytest.mark.parametrize(
    ("delay", "heard_after", "day"),
    [
        (DAY, SECOND, END + DAY),
        (DAY, 23 * HOUR, END + DAY),
        (DAY, 3 * DAY, END + 3 * DAY + HOUR),
        (SECOND, 3 * DAY, END + 3 * DAY + SECOND),
    ],
)
def test_a_choice_that_is_heard_late_can_still_be_taken_back(
    delay: timedelta, heard_after: timedelta, day: datetime
) -> None:
    assert erase_at(END, delay, END + heard_after) == day
