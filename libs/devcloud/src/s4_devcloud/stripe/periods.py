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


def end_of_period(subscription: Wire) -> int:
    """When the last of the subscription's items has been paid up to."""
    return max(int(item["current_period_end"]) for item in subscription["items"]["data"])
