"""Dates and sizes as people read them."""

from datetime import UTC, datetime


def day(moment: str | datetime) -> str:
    """The day at UTC: "4 March 2026"."""
    return _read(moment).strftime("%-d %B %Y")


def minute(moment: str | datetime) -> str:
    """The minute, when it matters: "4 March 2026, 09:30 UTC"."""
    return _read(moment).strftime("%-d %B %Y, %H:%M UTC")


def size(count: int) -> str:
    """A number of bytes in decimal units, as plans are sold: "250 GB", "4 TB"."""
    return f"{count / 10**12:,.3g} TB" if count >= 10**12 else f"{count / 10**9:.3g} GB"


def _read(moment: str | datetime) -> datetime:
    read = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
    return read.astimezone(UTC)
