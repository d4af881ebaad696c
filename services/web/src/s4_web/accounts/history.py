"""How a grid filled over time, and when it would be full if that went on. Pure."""

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from s4_web.accounts.chart import Chart, draw
from s4_web.accounts.usage import Day

SPANS = {"30": "30 days", "90": "90 days", "365": "a year"}
_MOST_ROWS = 31
_ENOUGH_DAYS, _ENOUGH_VALUES = 14, 10  # before a pace is spoken of
_PACE_OF = 30  # days
_TOO_FAR = 730  # days; what is later than that is not foretold


class History(msgspec.Struct, frozen=True):
    """What was measured in ``span``; ``full_on`` is the day on which the grid is full at the present pace."""

    span: str
    wide: Chart
    narrow: Chart
    rows: tuple[Day, ...]
    quota_bytes: int | None
    full_on: date | None

    @property
    def is_far(self) -> bool:
        """Whether the quota is too far above what is stored to be in the drawing."""
        return self.quota_bytes is not None and self.wide.quota is None


def history(days: Sequence[Day], asked: str, today: date) -> History | None:
    """The history of the time that was asked for; None when nothing was measured in it."""
    span = asked if asked in SPANS else "30"
    first = today - timedelta(days=int(span) - 1)
    shown = [day for day in days if first <= day.day <= today]
    if not shown:
        return None
    return History(
        span=span,
        wide=draw(shown, first, today, 600, 230),
        narrow=draw(shown, first, today, 300, 210),
        rows=_rows(shown, int(span)),
        quota_bytes=shown[-1].quota_bytes,
        full_on=full_on(days, today),
    )


def _rows(days: Sequence[Day], span: int) -> tuple[Day, ...]:
    """Few enough to be read: of each stretch of days its last one, the newest first."""
    stretch, newest = -(-span // _MOST_ROWS), days[-1].day
    latest: dict[int, Day] = {}
    for day in days:
        latest[(newest - day.day).days // stretch] = day
    return tuple(latest[number] for number in sorted(latest))


def full_on(days: Sequence[Day], today: date) -> date | None:
    """The day on which the grid is full at the pace of the last month, when that can be said."""
    lately = [day for day in days if (today - day.day).days < _PACE_OF]
    if len(lately) < _ENOUGH_VALUES or (lately[-1].day - lately[0].day).days < _ENOUGH_DAYS:
        return None
    quota, stored, pace = lately[-1].quota_bytes, lately[-1].stored_bytes, _slope(lately)
    if quota is None or stored >= quota or pace <= 0:
        return None
    wait = (quota - stored) / pace
    return lately[-1].day + timedelta(days=int(wait)) if wait <= _TOO_FAR else None


def _slope(days: Sequence[Day]) -> float:
    """Bytes for each day, by least squares."""
    places = [(day.day - days[0].day).days for day in days]
    place, amount = sum(places) / len(days), sum(day.stored_bytes for day in days) / len(days)
    above = sum((x - place) * (day.stored_bytes - amount) for x, day in zip(places, days, strict=True))
    return above / sum((x - place) ** 2 for x in places)
