"""What the status page shows, worked out from what events said. Pure: rows and the time in, words out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

import msgspec

Row = Mapping[str, Any]
State = Literal["waiting-for-payment", "confirming", "provisioning", "ready", "failed"]
StepState = Literal["todo", "doing", "done", "retrying"]

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "identity": "Making the keys of your grid",
        "bucket": "Creating a bucket that is yours alone",
        "credentials": "Cutting a key that opens only that bucket",
        "host": "Ordering a machine",
        "boot": "Waiting for the machine to start",
        "node": "Installing and starting your storage node",
        "dns": "Giving your grid a name on the internet",
        "proof": "Storing a test file from outside and reading it back",
        "letter": "Sending you the letter with your link",
    }
)
_KNOWN = tuple(name for name in NAMES if name != "letter")
_STATES: Mapping[str, StepState] = MappingProxyType({"started": "doing", "done": "done", "retrying": "retrying"})


class Step(msgspec.Struct, frozen=True):
    """One line of the list."""

    id: str
    name: str
    state: StepState
    seconds: float | None = None
    attempt: int = 1
    began_at: datetime | None = None


class Story(msgspec.Struct, frozen=True):
    """The whole page. ``total_seconds`` counts from the payment to the end, or to now while there is none."""

    state: State
    steps: tuple[Step, ...]
    revision: int
    total_seconds: float | None
    started_at: datetime | None
    letter: Literal["none", "sent", "bounced"]
    can_send_letter: bool
    is_claimed: bool
    is_in_trouble: bool

    @property
    def is_moving(self) -> bool:
        """Whether more is to be expected soon."""
        waits_for_letter = self.state == "ready" and self.letter == "none"
        return self.state in {"confirming", "provisioning"} or waits_for_letter


def story(
    checkout: str | None, *, has_returned: bool, journey: Row, steps: Sequence[Row], letter: Row, now: datetime
) -> Story:
    """The story of one signup; ``checkout`` is what billing last said of its payment page."""
    last_letter: Literal["none", "sent", "bounced"] = letter.get("state", "none")
    state = _state(checkout, journey, steps, has_returned=has_returned)
    shown = [*_steps(steps, is_ready=state == "ready"), _letter_step(state, last_letter)]
    started = journey.get("paid_at") or min((row["began_at"] for row in steps), default=None)
    ended = (journey.get("ready_at") or journey.get("issued_at") or now) if state == "ready" else now
    return Story(
        state=state,
        steps=tuple(shown),
        revision=journey.get("revision", 0),
        total_seconds=max(0.0, (ended - started).total_seconds()) if started else None,
        started_at=started,
        letter=last_letter,
        can_send_letter=state == "ready" and journey.get("claim_ref") is not None,
        is_claimed=journey.get("claimed_at") is not None,
        is_in_trouble=state == "provisioning" and _is_failed(journey, steps),
    )


def _state(checkout: str | None, said: Row, steps: Sequence[Row], *, has_returned: bool) -> State:
    if said.get("ready_at") or said.get("issued_at"):
        return "ready"
    if _is_failed(said, steps) and said["failed_final"]:
        return "failed"
    if said.get("paid_at") or steps or said.get("failed_at"):
        return "provisioning"
    if checkout in {"pending", "paid"} or (has_returned and checkout is None):
        return "confirming"
    return "waiting-for-payment"


def _is_failed(said: Row, steps: Sequence[Row]) -> bool:
    """Whether nothing went on after the last trouble."""
    failed_at = said.get("failed_at")
    return bool(failed_at and all(row["said_at"] <= failed_at for row in steps))


def _steps(rows: Sequence[Row], *, is_ready: bool) -> list[Step]:
    told = {row["step"]: row for row in rows if row["step"] != "letter"}
    places = {name: (float(number), name) for number, name in enumerate(_KNOWN, start=1)}
    places |= {name: (float(row["position"]), name) for name, row in told.items() if name not in places}
    order = sorted(places, key=places.__getitem__)
    # What lies before a step that has begun is over, even where the word of it comes late.
    begun = max((order.index(name) for name in told), default=-1)
    shown = []
    for number, name in enumerate(order):
        row = told.get(name)
        state = _STATES[row["state"]] if row else "todo"
        if is_ready or number < begun:
            state = "done"
        shown.append(_step(name, state, row))
    return shown


def _step(name: str, state: StepState, row: Row | None) -> Step:
    words = NAMES.get(name) or name.replace("-", " ").replace("_", " ").capitalize()
    if row is None:
        return Step(name, words, state)
    return Step(name, words, state, row["seconds"], row["attempt"], row["began_at"])


def _letter_step(state: State, letter: str) -> Step:
    states: Mapping[str, StepState] = {"sent": "done", "bounced": "retrying"}
    waiting: StepState = "doing" if state == "ready" else "todo"
    return Step("letter", NAMES["letter"], states.get(letter, waiting))
