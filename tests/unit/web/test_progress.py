"""What the status page shows, for everything that events can have said."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from s4_web.progress import NAMES, Signup, Story, story

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAID = NOW - timedelta(seconds=30)


def a_signup(checkout: str | None = None, *, returned: bool = False) -> Signup:
    return Signup("s", "a", "personal", "ada@example.com", NOW if returned else None, checkout, is_paid=False)


def a_step(step: str, state: str, position: int = 1, seconds: float | None = None, ago: float = 10) -> dict[str, Any]:
    at = NOW - timedelta(seconds=ago)
    return {"step": step, "state": state, "position": position, "seconds": seconds, "began_at": at, "said_at": at}


def told(
    journey: dict[str, Any] | None = None,
    *steps: dict[str, Any],
    letter: str | None = None,
    signup: Signup | None = None,
) -> Story:
    last = {"state": letter, "said_at": NOW} if letter else {}
    return story(signup or a_signup(), (journey or {}, list(steps), last), NOW)


@pytest.mark.parametrize(
    ("checkout", "returned", "state"),
    [
        (None, False, "waiting-for-payment"),
        ("open", False, "waiting-for-payment"),
        ("open", True, "waiting-for-payment"),
        ("expired", True, "waiting-for-payment"),
        ("pending", True, "confirming"),
        ("paid", True, "confirming"),
        (None, True, "confirming"),
    ],
)
def test_before_the_payment_is_told_the_page_waits_or_confirms(
    checkout: str | None,
    returned: bool,  # noqa: FBT001  a column of the table
    state: str,
) -> None:
    found = told(signup=a_signup(checkout, returned=returned))
    assert (found.state, found.total_seconds) == (state, None)
    assert {step.state for step in found.steps} == {"todo"}
    assert found.is_moving == (state == "confirming")


@pytest.mark.parametrize(
    ("journey", "state"),
    [
        ({"paid_at": PAID}, "provisioning"),
        ({"paid_at": PAID, "failed_at": NOW, "failed_final": False}, "provisioning"),
        ({"paid_at": PAID, "failed_at": NOW, "failed_final": True}, "failed"),
        ({"failed_at": NOW, "failed_final": True}, "failed"),
        ({"paid_at": PAID, "ready_at": NOW}, "ready"),
        ({"issued_at": NOW}, "ready"),
        ({"issued_at": NOW, "failed_at": NOW, "failed_final": True}, "ready"),
    ],
)
def test_each_thing_that_was_said_has_its_state(journey: dict[str, Any], state: str) -> None:
    assert told(journey).state == state


def test_the_steps_stand_in_their_order_with_the_letter_last() -> None:
    found = told(
        {"paid_at": PAID}, a_step("extra-work", "started", position=3), a_step("identity", "done", seconds=1.0)
    )
    names = [step.id for step in found.steps]
    assert names == [
        "identity",
        "bucket",
        "credentials",
        "extra-work",
        "host",
        "boot",
        "node",
        "dns",
        "proof",
        "letter",
    ]
    assert found.steps[3].name == "Extra work"
    assert found.steps[0].seconds == 1.0


def test_every_known_step_has_plain_words() -> None:
    assert [step.name for step in told().steps] == list(NAMES.values())


def test_a_grid_that_is_ready_has_no_step_left_whatever_was_lost() -> None:
    found = told({"paid_at": PAID, "ready_at": NOW}, a_step("boot", "retrying"), letter="sent")
    assert {step.state for step in found.steps} == {"done"}


@pytest.mark.parametrize(("letter", "state"), [(None, "doing"), ("sent", "done"), ("bounced", "retrying")])
def test_the_letter_is_a_step_of_its_own(letter: str | None, state: str) -> None:
    found = told({"paid_at": PAID, "ready_at": NOW, "claim_ref": "g:1"}, letter=letter)
    assert found.steps[-1].state == state
    assert found.can_send_letter
    assert found.is_moving == (letter is None)


def test_the_total_runs_until_the_grid_is_ready_and_then_stands_still() -> None:
    assert told({"paid_at": PAID}).total_seconds == 30
    ready = {"paid_at": PAID, "ready_at": PAID + timedelta(seconds=12)}
    assert told(ready, letter="sent").total_seconds == 12
    assert told({"paid_at": NOW + timedelta(seconds=1)}).total_seconds == 0


def test_without_word_of_the_payment_the_total_counts_from_the_first_step() -> None:
    assert told({}, a_step("identity", "started", ago=4)).total_seconds == 4


def test_trouble_is_over_once_a_step_goes_on() -> None:
    trouble = {"paid_at": PAID, "failed_at": NOW - timedelta(seconds=5), "failed_final": True}
    assert told(trouble, a_step("host", "retrying", ago=6)).state == "failed"
    later = told(trouble, a_step("host", "started", ago=4))
    assert (later.state, later.is_in_trouble) == ("provisioning", False)


def test_no_letter_can_be_asked_for_before_there_is_a_furl() -> None:
    assert not told({"paid_at": PAID, "claim_ref": "g:1"}).can_send_letter
    assert not told({"paid_at": PAID, "ready_at": NOW}).can_send_letter


def test_whatever_was_said_there_is_a_page() -> None:
    times = [None, NOW]
    for paid, ready, issued, failed, final, letter in itertools.product(
        times, times, times, times, [True, False], [None, "sent", "bounced"]
    ):
        journey = {"paid_at": paid, "ready_at": ready, "issued_at": issued, "failed_at": failed, "failed_final": final}
        found = told(journey, a_step("boot", "done"), letter=letter)
        assert found.state in {"provisioning", "ready", "failed"}
        assert len(found.steps) == len(NAMES)
