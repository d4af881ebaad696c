"""Times and sizes as people read them."""

from datetime import UTC, datetime


def day(at: datetime) -> str:
    """The date of the moment in UTC: "1 December 2026"."""
    return f"{at.astimezone(UTC):%-d %B %Y}"


def moment(at: datetime) -> str:
    """The moment in UTC, to the minute: "1 December 2026, 09:30 UTC"."""
    return f"{day(at)}, {at.astimezone(UTC):%H:%M} UTC"


def size(count: int) -> str:
    """A number of bytes in decimal units, as disks are sold."""
    amount, units = float(count), ["bytes", "KB", "MB", "GB", "TB", "PB"]
    while amount >= 1000 and len(units) > 1:
        amount /= 1000
        del units[0]
    return f"{amount:.3g} {units[0]}"
