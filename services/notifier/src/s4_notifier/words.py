"""Dates and sizes as people read them."""

from datetime import UTC, datetime


def day(moment: str | datetime) -> str:
    """The day at UTC: "4 March 2026"."""
    return _read(moment).strftime("%-d %B %Y")


def minute(moment: str | datetime) -> str:
    """The minute, when it matters: "4 March 2026, 09:30 UTC"."""
    return _read(moment).strftime("%-d %B %Y, %H:%M UTC")


def size(count: int) -> str:
    """A number of bytes in decimal units, as plans are sold: "250 GB", "4 TB"; the smallest unit is rounded up."""
    if 0 < count < 10**9:
        return f"{-(-count // 10**6)} MB"
    return f"{count / 10**12:,.3g} TB" if count >= 10**12 else f"{count / 10**9:.3g} GB"


def duration(seconds: int) -> str:
    """A time that somebody waited, to the minute: "1 hour 5 minutes"."""
    hours, minutes = divmod(seconds // 60, 60)
    parts = [
        f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in ((hours, "hour"), (minutes, "minute")) if count
    ]
    return " ".join(parts) or "less than a minute"


def _read(moment: str | datetime) -> datetime:
    read = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
    return read.astimezone(UTC)
