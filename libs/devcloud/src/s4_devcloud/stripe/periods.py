"""Billing periods by the calendar."""

import calendar
from datetime import UTC, datetime, timedelta

from s4_devcloud.stripe.wire import Wire

_MONTHS = {"month": 1, "year": 12}
_DAYS = {"day": 1, "week": 7}


def later(moment: int, interval: str, count: int) -> int:
    """The same time of day so many intervals later; the last of a short month where the day does not exist."""
    start = datetime.fromtimestamp(moment, UTC)
    if interval in _DAYS:
        return int((start + timedelta(days=_DAYS[interval] * count)).timestamp())
    year, month = divmod(start.year * 12 + start.month - 1 + _MONTHS[interval] * count, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def boundary_after(anchor: int, interval: str, count: int, moment: int) -> int:
    """The first moment after `moment` that is a whole number of periods later than the anchor.

    Counting from the anchor keeps the 31st: after the last of February comes the 31st of March.
    """
    start, now = datetime.fromtimestamp(anchor, UTC), datetime.fromtimestamp(moment, UTC)
    if interval in _DAYS:
        passed = (now - start).days // (_DAYS[interval] * count)
    else:
        passed = ((now.year - start.year) * 12 + now.month - start.month) // (_MONTHS[interval] * count)
    periods = max(passed, 1)
    while later(anchor, interval, count * periods) <= moment:
        periods += 1
    return later(anchor, interval, count * periods)


def end_of_period(subscription: Wire) -> int:
    """When the last of the subscription's items has been paid up to."""
    return max(int(item["current_period_end"]) for item in subscription["items"]["data"])
