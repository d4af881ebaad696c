"""What the status page shows, worked out from what events said. Pure: rows and the time in, words out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

Row = dict[str, Any]
State = Literal["waiting-for-payment", "confirming", "provisioning", "ready", "failed"]
StepState = Literal["todo", "doing", "done", "retrying"]

NAMES: Mapping[str, str] = {
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
_KNOWN = tuple(name for name in NAMES if name != "letter")
_STATES: Mapping[str, StepState] = {"todo": "todo", "started": "doing", "done": "done", "retrying": "retrying"}
_LETTER: Mapping[str, StepState] = {"sent": "done", "bounced": "retrying"}


class Signup(msgspec.Struct, frozen=True):
    """What one browser wants to buy, or has bought."""

    signup_id: str
    account_id: str
    plan: str
    email: str
    returned_at: datetime | None
    checkout_state: str | None
    is_paid: bool


class Step(msgspec.Struct, frozen=True):
    """One line of the list."""

    id: str
    name: str
    state: StepState
    seconds: float | None = None


class Story(msgspec.Struct, frozen=True):
    """The whole page. ``total_seconds`` counts from the payment to the end, or to now while there is none."""

    state: State
    steps: tuple[Step, ...]
    revision: int
    total_seconds: float | None
    letter: Literal["none", "sent", "bounced"]
    can_send_letter: bool
    is_claimed: bool
    is_in_trouble: bool

    @property
    def is_moving(self) -> bool:
        """Whether more is to be expected soon."""
        return self.state in {"confirming", "provisioning"} or (self.state == "ready" and self.letter == "none")


def story(signup: Signup, journey: Row, steps: Sequence[Row], letter: Row, now: datetime) -> Story:
    """The story of one signup, from what the database has of it."""
    last_letter: Literal["none", "sent", "bounced"] = letter.get("state", "none")
    state = _state(signup, journey, steps)
    letter_state: StepState = _LETTER.get(last_letter) or ("doing" if state == "ready" else "todo")
    shown = [*_steps(steps, is_ready=state == "ready"), Step("letter", NAMES["letter"], letter_state)]
    started = journey.get("paid_at") or min((row["began_at"] for row in steps), default=None)
    ended = (journey.get("ready_at") or journey.get("issued_at") or now) if state == "ready" else now
    return Story(
        state=state,
        steps=tuple(shown),
        revision=journey.get("revision", 0),
        total_seconds=max(0.0, (ended - started).total_seconds()) if started else None,
        letter=last_letter,
        can_send_letter=state == "ready" and journey.get("claim_ref") is not None,
        is_claimed=journey.get("claimed_at") is not None,
        is_in_trouble=state == "provisioning" and _is_failed(journey, steps),
    )


def _state(signup: Signup, said: Row, steps: Sequence[Row]) -> State:
    if said.get("ready_at") or said.get("issued_at"):
        return "ready"
    if _is_failed(said, steps) and said["failed_final"]:
        return "failed"
    if said.get("paid_at") or steps or said.get("failed_at"):
        return "provisioning"
    is_unanswered = signup.returned_at is not None and signup.checkout_state is None
    is_confirming = is_unanswered or signup.checkout_state in {"pending", "paid"}
    return "confirming" if is_confirming else "waiting-for-payment"


def _is_failed(said: Row, steps: Sequence[Row]) -> bool:
    """Whether nothing went on after the last trouble."""
    failed_at = said.get("failed_at")
    return bool(failed_at and all(row["said_at"] <= failed_at for row in steps))


def _steps(rows: Sequence[Row], *, is_ready: bool) -> list[Step]:
    told = {row["step"]: row for row in rows if row["step"] != "letter"}
    places = {name: (float(number), name) for number, name in enumerate(_KNOWN, start=1)}
    places |= {name: (float(row["position"]), name) for name, row in told.items() if name not in places}
    order = sorted(places, key=places.__getitem__)
    shown = []
    for name in order:
        row = told.get(name, {"state": "todo", "seconds": None})
        words = NAMES.get(name) or name.replace("-", " ").replace("_", " ").capitalize()
        shown.append(Step(name, words, "done" if is_ready else _STATES[row["state"]], row["seconds"]))
    return shown
