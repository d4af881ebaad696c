"""How far along something is, beside what it usually takes. Pure."""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from s4_web.usual import Times

StepState = Literal["todo", "doing", "done", "retrying"]
_STEPS_OF = ((10.0, 1.0), (60.0, 5.0), (600.0, 30.0))  # below so many seconds, it is said in units of so many
_LENGTH = 1000.0  # of the drawing
_GAP = 6.0
_SHORTEST = 0.04  # of the whole: what takes next to no time is to be seen, too
_BEND = 1.6  # at its usual time a step's part is four fifths full, and it is never quite full before it is done


def within(times: Times | None) -> float | None:
    """The time that can be promised, more or less: nine of ten took no longer. Rounded up."""
    if times is None:
        return None
    unit = next((unit for below, unit in _STEPS_OF if times.most < below), 60.0)
    return max(unit, math.ceil(times.most / unit) * unit)


def about(seconds: float) -> str:
    """A time that is known only more or less: "less than 1 s", "5 s", "1 min 30 s", "2 min"."""
    whole = round(seconds)
    if seconds < 1:
        return "less than 1 s"
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"


def bank_day(sent_at: datetime) -> datetime:
    """When money that is sent back should be there: ten working days later (docs.stripe.com/refunds)."""
    there, left = sent_at, 10
    while left:
        there += timedelta(days=1)
        left -= there.weekday() < 5
    return there


class Bar(msgspec.Struct, frozen=True):
    """One step's part of the drawing; ``filled`` is how much of its width is coloured."""

    state: StepState
    x: float
    width: float
    filled: float
    seconds: float | None
    median: float | None


Part = tuple[StepState, float | None, Times | None]  # of each step: its state, for how long already, what is usual


def bars(parts: Sequence[Part]) -> tuple[Bar, ...]:
    """The drawing: as long as the steps usually take, or all the same where that is not known of every one."""
    known = [times.median for _, _, times in parts if times is not None]
    whole = sum(known) or 1.0
    weights = [max(median, whole * _SHORTEST) for median in known] if len(known) == len(parts) else [1.0] * len(parts)
    room = _LENGTH - _GAP * (len(parts) - 1)
    drawn, x = [], 0.0
    for (state, seconds, times), weight in zip(parts, weights, strict=True):
        width = room * weight / sum(weights)
        share = {"todo": 0.0, "done": 1.0}.get(state)
        filled = width * (_share(seconds, times) if share is None else share)
        median = times.median if times else None
        drawn.append(Bar(state, round(x, 1), round(width, 1), round(filled, 1), seconds, median))
        x += width + _GAP
    return tuple(drawn)


def outline(drawn: Iterable[Bar]) -> str:
    """The bars as one path of SVG, ten units high."""
    return "".join(f"M{bar.x:g} 0h{bar.width:g}v10h-{bar.width:g}z" for bar in drawn)


def _share(seconds: float | None, times: Times | None) -> float:
    if seconds is None or times is None:
        return 0.5
    return 1 - math.exp(-_BEND * seconds / max(times.median, 0.1))
