"""Numbers, money and times as people read them."""

from datetime import UTC, datetime

from s4_runtime import money


def price(amount: int, currency: str) -> str:
    """The amount, given in minor units, with its currency: "$25", "€12.50", "980 SEK"."""
    return money(amount, currency)


def bill(amount: int, currency: str) -> str:
    """The same as it stands in a column of amounts: "$25.00"."""
    return money(amount, currency, in_full=True)


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


def at_least(count: int) -> str:
    """The same, rounded up: what has to be deleted is deleted then."""
    step = 10 ** max(0, len(str(count)) - 3)
    return size(-(-count // step) * step)


def duration(seconds: float) -> str:
    """A short time to a tenth of a second, a longer one to the second."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
