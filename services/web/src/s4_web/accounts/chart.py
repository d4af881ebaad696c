"""A drawing of what was stored on each day: where everything goes, in the units of its view box. Pure."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import count

import msgspec

from s4_runtime.words import size
from s4_web.accounts.usage import Day

_MOST_STEPS = 4  # on the axis of amounts
_FAR = 4  # a quota that is so many times what was stored would press the line flat, and is told in words
_LONG = 200  # days, from which on a date wants its year more than its day
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 12.0, 12.0, 28.0


class Tick(msgspec.Struct, frozen=True):
    """A place on an axis, and what is written there."""

    at: float
    words: str
    anchor: str = "middle"


class Chart(msgspec.Struct, frozen=True):
    """All that the drawing needs; ``quota`` is None where it is too far above to be drawn, or there is none."""

    width: float
    height: float
    left: float
    right: float
    bottom: float
    points: tuple[tuple[float, float], ...]
    amounts: tuple[Tick, ...]
    days: tuple[Tick, ...]
    quota: float | None

    @property
    def line(self) -> str:
        """The line through all points."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self.points)

    @property
    def area(self) -> str:
        """The line, and down to the axis at both ends."""
        first, last = self.points[0][0], self.points[-1][0]
        return f"{first:.1f},{self.bottom:.1f} {self.line} {last:.1f},{self.bottom:.1f}"


def draw(days: Sequence[Day], first: date, last: date, width: float, height: float) -> Chart:
    """The drawing of these days, of which there is one at least, on an axis of time from ``first`` to ``last``."""
    right, bottom = width - _RIGHT, height - _BOTTOM
    quota, most = days[-1].quota_bytes, max(day.stored_bytes for day in days)
    is_drawn = quota is not None and quota <= most * _FAR
    step, steps = _axis(max(most, quota if is_drawn and quota else 0, 1))

    def up(amount: int) -> float:
        return bottom - (bottom - _TOP) * amount / (step * steps)

    def along(day: date) -> float:
        return _LEFT + (right - _LEFT) * (day - first).days / max((last - first).days, 1)

    middle = first + timedelta(days=(last - first).days // 2)
    form = "%b %Y" if (last - first).days > _LONG else "%-d %b"
    named = ((first, "start"), (middle, "middle"), (last, "end"))
    return Chart(
        width=width,
        height=height,
        left=_LEFT,
        right=right,
        bottom=bottom,
        points=tuple((along(day.day), up(day.stored_bytes)) for day in days),
        amounts=tuple(Tick(up(step * number), size(step * number)) for number in range(steps + 1)),
        days=tuple(Tick(along(day), day.strftime(form), anchor) for day, anchor in named),
        quota=up(quota) if quota is not None and is_drawn else None,
    )


def _axis(most: int) -> tuple[int, int]:
    """A round step, and how many of it reach up to ``most``."""
    steps = (digit * 10**power for power in count() for digit in (1, 2, 5))
    step = next(step for step in steps if step * _MOST_STEPS >= most)
    return step, -(-most // step)
