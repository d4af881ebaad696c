"""Metrics in Prometheus' text format, read again."""

import re
from collections.abc import Iterator

import msgspec

_LINE = re.compile(r"(?P<name>[A-Za-z_:][\w:]*)(?:\{(?P<labels>.*)\})?\s+(?P<value>\S+)(?:\s+-?\d+)?\s*")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Sample(msgspec.Struct, frozen=True):
    """One value."""

    name: str
    labels: dict[str, str]
    value: float


def read(text: str) -> list[Sample]:
    """Every sample; what cannot be read is left out."""
    return list(_samples(text))


def _samples(text: str) -> Iterator[Sample]:
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is None or line.startswith("#"):
            continue
        try:
            value = float(found["value"])
        except ValueError:
            continue
        yield Sample(found["name"], dict(_LABEL.findall(found["labels"] or "")), value)
