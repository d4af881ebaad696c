"""How long ago something was, as people say it."""

from datetime import datetime

_UNITS = ((86400 * 60, 86400 * 30, "month"), (86400 * 2, 86400, "day"), (3600 * 2, 3600, "hour"), (60, 60, "minute"))


def ago(at: datetime, now: datetime) -> str:
    """Such as "3 hours ago", in the largest unit of which there are two; what is yet to come counts as now."""
    seconds = (now - at).total_seconds()
    for least, unit, name in _UNITS:
        if seconds >= least:
            count = int(seconds // unit)
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return "just now"
