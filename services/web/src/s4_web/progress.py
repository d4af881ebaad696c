"""What the status page shows, worked out from what events said. Pure: rows and the time in, words out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from s4_web.pace import Bar, StepState, bars, within
from s4_web.usual import WHOLE, Times, Usual

Row = dict[str, Any]
Said = tuple[Row, Sequence[Row], Row]  # the journey, its steps, the last letter; empty where nothing was said
State = Literal["waiting-for-payment", "confirming", "provisioning", "ready", "failed"]

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
_UNTOLD: Row = {"state": "todo", "seconds": None}
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
    traceparent: str | None = None


class Step(msgspec.Struct, frozen=True):
    """One line of the list. ``seconds``: what it took, or has taken so far; ``usual``: what is usual, if known."""

    id: str
    name: str
    state: StepState
    seconds: float | None = None
    usual: Times | None = None
    next_try_at: datetime | None = None

    @property
    def is_late(self) -> bool:
        """Whether it takes longer than usual."""
        most = within(self.usual)
        is_over = most is not None and self.seconds is not None and self.seconds > most
        return is_over and self.state in {"doing", "retrying"}


class Story(msgspec.Struct, frozen=True):
    """The whole page. ``total_seconds`` counts from the payment to the end, or to now while there is none."""

    state: State
    steps: tuple[Step, ...]
    revision: int
    total_seconds: float | None
    usual_seconds: float | None
    letter: Literal["none", "sent", "bounced"]
    can_send_letter: bool
    is_claimed: bool
    is_in_trouble: bool

    @property
    def is_moving(self) -> bool:
        """Whether more is to be expected soon."""
        return self.state in {"confirming", "provisioning"} or (self.state == "ready" and self.letter == "none")

    @property
    def is_late(self) -> bool:
        """Whether the grid is still being made when it usually is ready."""
        total, usual = self.total_seconds, self.usual_seconds
        return self.state == "provisioning" and total is not None and usual is not None and total > usual

    @property
    def bars(self) -> tuple[Bar, ...]:
        """The same, drawn."""
        return bars([(step.state, step.seconds, step.usual) for step in self.steps])

    @property
    def done(self) -> int:
        """How many of the steps are done."""
        return sum(step.state == "done" for step in self.steps)


def story(signup: Signup, said: Said, now: datetime, usual: Usual = MappingProxyType({})) -> Story:
    """The story of one signup, from what the database has of it."""
    journey, steps, letter = said
    last_letter: Literal["none", "sent", "bounced"] = letter.get("state", "none")
    state = _state(signup, journey, steps)
    shown = _steps(steps, usual, now, is_ready=state == "ready")
    started = journey.get("paid_at") or min((row["began_at"] for row in steps), default=None)
    ended = (journey.get("ready_at") or journey.get("issued_at") or now) if state == "ready" else now
    return Story(
        state=state,
        steps=(*shown, _letter(last_letter, journey, usual.get("letter"), now, is_ready=state == "ready")),
        revision=journey.get("revision", 0),
        total_seconds=max(0.0, (ended - started).total_seconds()) if started else None,
        usual_seconds=within(usual.get(WHOLE)),
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


def _steps(rows: Sequence[Row], usual: Usual, now: datetime, *, is_ready: bool) -> list[Step]:
    told = {row["step"]: row for row in rows if row["step"] != "letter"}
    places = {name: (float(number), name) for number, name in enumerate(_KNOWN, start=1)}
    places |= {name: (float(row["position"]), name) for name, row in told.items() if name not in places}
    return [
        _step(name, told.get(name, _UNTOLD), usual.get(name), now, is_ready=is_ready)
        for name in sorted(places, key=places.__getitem__)
    ]


def _step(name: str, row: Row, usual: Times | None, now: datetime, *, is_ready: bool) -> Step:
    words = NAMES.get(name) or name.replace("-", " ").replace("_", " ").capitalize()
    state: StepState = "done" if is_ready else _STATES[row["state"]]
    if state == "done":
        return Step(name, words, state, row["seconds"], usual)
    if state == "todo":
        return Step(name, words, state, None, usual)
    again_at = row.get("next_try_at") if state == "retrying" else None
    return Step(name, words, state, max(0.0, (now - row["began_at"]).total_seconds()), usual, again_at)


def _letter(last: str, journey: Row, usual: Times | None, now: datetime, *, is_ready: bool) -> Step:
    state: StepState = _LETTER.get(last) or ("doing" if is_ready else "todo")
    since: datetime | None = journey.get("issued_at") if state in {"done", "doing"} else None
    until: datetime | None = journey.get("written_at") if state == "done" else now
    seconds = max(0.0, (until - since).total_seconds()) if since and until else None
    return Step("letter", NAMES["letter"], state, seconds, usual)
