"""Dates, amounts and sizes as people of a language write them (CLDR, by babel)."""

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from importlib import resources

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal, format_percent, get_decimal_symbol
from babel.units import format_unit

from s4_runtime.money import minor_digits

# Each language that letters are written in, and whose dates it uses.
LANGUAGES: Mapping[str, str] = {"en": "en_GB", "de": "de"}
OTHERWISE = "en"


def language_of(chosen: str | None) -> str:
    """The language to write in for the tag (RFC 5646) that somebody chose: "de" for "de-AT", ours for unknown ones."""
    primary = re.split("[-_]", (chosen or OTHERWISE).lower(), maxsplit=1)[0]
    return primary if primary in LANGUAGES else OTHERWISE


class Words:
    """What is said in one language. ``said`` are the phrases that all letters share."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._dates = Locale.parse(LANGUAGES[language])
        self._locale = Locale.parse(language)
        source = resources.files("s4_notifier") / "templates" / language / "words.toml"
        self.said: Mapping[str, str] = tomllib.loads(source.read_text(encoding="utf-8"))

    def filters(self) -> dict[str, Callable[..., str]]:
        """What templates may ask for."""
        return {
            name: getattr(self, name) for name in ("day", "minute", "money", "size", "duration", "number", "percent")
        }

    def day(self, moment: str | datetime) -> str:
        """The day at UTC: "4 March 2026"."""
        return format_date(_read(moment), "long", locale=self._dates)

    def minute(self, moment: str | datetime) -> str:
        """The minute, when it matters: "4 March 2026, 09:30 UTC"."""
        time = format_time(_read(moment), "short", locale=self._dates)
        return self.said["minute"].format(day=self.day(moment), time=time)

    def money(self, amount: int, currency: str) -> str:
        """The amount, given in minor units, without cents that are none: "$25", "€12.50"."""
        value = Decimal(amount) / 10 ** minor_digits(currency)
        # A code is kept off the number (CLDR, "alphaNextToNumber").
        full = re.sub(r"(?<=[A-Z])(?=\d)", "\xa0", format_currency(value, currency.upper(), locale=self._locale))
        cents = re.escape(get_decimal_symbol(self._locale)) + r"0+(?!\d)"
        return re.sub(cents, "", full) if value == value.to_integral_value() else full

    def size(self, count: int) -> str:
        """A number of bytes in decimal units, as plans are sold: "250 GB", "4 TB"; the smallest unit is rounded up."""
        if 0 < count < 10**9:
            return self._unit(-(-count // 10**6), "MB")
        if count < 10**12:
            return self._unit(_three_digits(count / 10**9), "GB")
        return self._unit(_three_digits(count / 10**12), "TB")

    def duration(self, seconds: int) -> str:
        """A time that somebody waited, to the minute: "1 hour 5 minutes"."""
        hours, minutes = divmod(seconds // 60, 60)
        parts = [
            format_unit(count, f"duration-{unit}", "long", locale=self._locale)
            for count, unit in ((hours, "hour"), (minutes, "minute"))
            if count
        ]
        return " ".join(parts) or self.said["no_minute"]

    def number(self, count: int) -> str:
        """A count: "12,345"."""
        return format_decimal(count, locale=self._locale)

    def percent(self, part: int, whole: int) -> str:
        """How much of the whole, rounded down: "81%"."""
        return format_percent(Decimal(part * 100 // whole) / 100, locale=self._locale)

    def _unit(self, count: Decimal | int, unit: str) -> str:
        return f"{format_decimal(count, locale=self._locale)} {unit}"


def _three_digits(count: float) -> Decimal:
    return Decimal(f"{count:.3g}") if count < 1000 else Decimal(round(count))


def _read(moment: str | datetime) -> datetime:
    read = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
    return read.astimezone(UTC)
