"""Numbers, money and times as people read them."""

from collections.abc import Mapping
from datetime import timedelta

from s4_runtime import money
from s4_runtime.words import size

# The regions of AWS that a plan may be in, by where they are (AWS, "Regions and Availability Zones").
_PLACES: Mapping[str, str] = {
    "eu-central-1": "Frankfurt, Germany",
    "eu-central-2": "Zurich, Switzerland",
    "eu-west-1": "Ireland",
    "eu-west-2": "London, United Kingdom",
    "eu-west-3": "Paris, France",
    "eu-north-1": "Stockholm, Sweden",
    "us-east-1": "Northern Virginia, USA",
    "us-east-2": "Ohio, USA",
    "us-west-2": "Oregon, USA",
    "ca-central-1": "Montreal, Canada",
}


def place(region: str) -> str:
    """Where a region is, with its own name: "Frankfurt, Germany (eu-central-1)"."""
    return f"{_PLACES[region]} ({region})" if region in _PLACES else region


def price(amount: int, currency: str) -> str:
    """The amount, given in minor units, with its currency: "$25", "€12.50", "980 SEK"."""
    return money(amount, currency)


def bill(amount: int, currency: str) -> str:
    """The same as it stands in a column of amounts: "$25.00"."""
    return money(amount, currency, in_full=True)


def at_least(count: int) -> str:
    """The same, rounded up to three digits: it is never less than that."""
    step = 10 ** max(0, len(str(count)) - 3)
    return size(-(-count // step) * step)


def span(time: timedelta) -> str:
    """A promised time, exactly: "30 days", "24 hours", "30 minutes"."""
    for unit, seconds, least in (("day", 86400, 2), ("hour", 3600, 1), ("minute", 60, 1), ("second", 1, 0)):
        count, rest = divmod(int(time.total_seconds()), seconds)
        if not rest and count >= least:
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return f"{time.total_seconds()} seconds"


def duration(seconds: float) -> str:
    """A short time to a tenth of a second, a longer one to the second."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
