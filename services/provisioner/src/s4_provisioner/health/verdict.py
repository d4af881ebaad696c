"""What follows from how a host was found: pure and total, every pair of a sight and what is on record decides."""

from datetime import datetime
from typing import Literal

import msgspec

from s4_provisioner.health.settings import HealthSettings

STRANGE = "strange-host-key"
_LOOKS = 2


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """What one look found out.

    ``platform``: what the platform says of the machine; ``moved``: it lives at another address; ``unknown``: the
    platform answered and has no such machine. ``impaired``: None where its checks were not asked for. ``report``: what
    came of asking the host itself, ``failed`` where it was reached and could not say. ``ailment``: what it told of
    itself that keeps it from taking more grids.
    """

    greets: bool
    platform: Literal["alive", "ending", "gone", "moved", "unknown", "unasked"] = "unasked"
    impaired: bool | None = None
    retires_at: datetime | None = None
    report: Literal["told", "failed", "silent", "strange", "unasked"] = "unasked"
    ailment: str | None = None


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What earlier looks have left on record."""

    silent_since: datetime | None = None
    silent_looks: int = 0
    impaired_since: datetime | None = None
    impaired_looks: int = 0
    bad_since: datetime | None = None
    retires_at: datetime | None = None
    alarm: str | None = None


class Fine(msgspec.Struct, frozen=True):
    """Nothing is wrong."""


class Wait(msgspec.Struct, frozen=True):
    """Something is wrong, for too short a time to act on it."""

    code: str


class Lost(msgspec.Struct, frozen=True):
    """Nothing can be expected of the host any more."""

    code: str


class Retire(msgspec.Struct, frozen=True):
    """The host serves, and will not for long: its grids leave in good time."""

    code: str


class Alarm(msgspec.Struct, frozen=True):
    """A person must look; the host keeps the grids that it has and gets no more."""

    code: str


Verdict = Fine | Wait | Lost | Retire | Alarm


def marked(marks: Marks, sight: Sight, now: datetime) -> Marks:
    """What is on record after this look."""
    is_unknown = sight.platform == "unknown" and sight.report != "told"
    is_silent = not sight.greets or sight.report == "silent" or is_unknown
    impaired = marks.impaired_looks > 0 if sight.impaired is None else sight.impaired
    looked = sight.impaired is not None
    return Marks(
        silent_since=(marks.silent_since or now) if is_silent else None,
        silent_looks=marks.silent_looks + 1 if is_silent else 0,
        impaired_since=(marks.impaired_since or now) if impaired else None,
        impaired_looks=marks.impaired_looks + looked if impaired else 0,
        bad_since=marks.bad_since,
        retires_at=sight.retires_at if looked else marks.retires_at,
        alarm=_alarm(marks, sight),
    )


def _alarm(marks: Marks, sight: Sight) -> str | None:
    match sight.report:
        case "strange":
            return STRANGE
        case "told":
            return sight.ailment
        case "failed":
            return "report-failed"
        case _:
            is_over = marks.alarm == STRANGE and not sight.greets  # who answered in its place does not any more
            return None if is_over else marks.alarm


def verdict(sight: Sight, marks: Marks, limits: HealthSettings, now: datetime) -> Verdict:
    """What follows, with the ``marks`` that this look has left.

    Only the platform's word makes a host lost at once. One that is silent is lost after some time, if the platform was
    asked: where it cannot be, nothing could be put in the host's place.
    """
    if marks.alarm == STRANGE and sight.platform == "unknown":
        return Lost("machine-not-ours")
    if sight.platform in {"gone", "ending", "moved"}:
        return Lost(f"machine-{sight.platform}")
    if marks.alarm == STRANGE:
        return Alarm(STRANGE)
    return _of_trouble(sight, marks, limits, now) or _of_the_rest(marks)


def _of_trouble(sight: Sight, marks: Marks, limits: HealthSettings, now: datetime) -> Verdict | None:
    """What follows from illness or silence; None where there is neither."""
    if marks.impaired_since is not None:
        is_over = now - marks.impaired_since >= limits.impaired_limit and marks.impaired_looks >= _LOOKS
        return Lost("impaired") if is_over else Wait("impaired")
    if marks.silent_since is not None:
        is_over = now - marks.silent_since >= limits.silent_limit and marks.silent_looks >= _LOOKS
        return Lost("unreachable") if is_over and sight.platform != "unasked" else Wait("silent")
    return None


def _of_the_rest(marks: Marks) -> Verdict:
    if marks.retires_at is not None:
        return Retire("retirement")
    return Alarm(marks.alarm) if marks.alarm is not None else Fine()


def noted(marks: Marks, found: Verdict, now: datetime) -> Marks:
    """The marks with since when the host is bad, if it is: that many are at once is a reason to do nothing."""
    is_bad = isinstance(found, Wait | Lost) or (isinstance(found, Alarm) and found.code == STRANGE)
    return msgspec.structs.replace(marks, bad_since=(marks.bad_since or now) if is_bad else None)
