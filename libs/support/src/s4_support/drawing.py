"""The timeline as a drawing: a lane for each service, time from left to right, a line through the events of a story."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from s4_runtime.words import day
from s4_support.timeline import Told
from s4_support.words import said, second

SERVICES = ("web", "billing", "provisioner", "notifier", "invites", "support")
_LEFT, _RIGHT, _TOP, _LANE, _LONGEST = 110, 30, 44, 34, 1800
# How far apart two events are drawn, in SVG user units, by the time between them: long gaps are cut short.
_STEPS = ((timedelta(minutes=1), 12), (timedelta(hours=1), 18), (timedelta(days=1), 30))
_FAR = 44


class Dot(msgspec.Struct, frozen=True):
    """An event in its lane."""

    x: float
    y: float
    service: str
    words: str


class Drawing(msgspec.Struct, frozen=True):
    """All that is drawn, in SVG user units."""

    width: int
    height: int
    lanes: list[tuple[str, float]]
    dots: list[Dot]
    threads: list[str]
    days: list[tuple[float, str]]


def drawing(events: Sequence[Told]) -> Drawing:
    """The events, newest first, drawn oldest first."""
    told = list(reversed(events))
    names = [*SERVICES, *sorted({each.service for each in told} - set(SERVICES))]
    lanes = [(name, float(_TOP + _LANE * index + _LANE / 2)) for index, name in enumerate(names)]
    places, at = _places(told), dict(lanes)
    dots = [
        Dot(x, at[each.service], each.service, f"{day(each.at)}, {second(each.at)} UTC: {said(each)}")
        for each, x in zip(told, places, strict=True)
    ]
    width = int((places[-1] if places else _LEFT) + _RIGHT)
    height = _TOP + _LANE * len(lanes) + 10
    return Drawing(max(width, 480), height, lanes, dots, _threads(told, dots), _days(told, places))


def _places(told: Sequence[Told]) -> list[float]:
    found, x = [], float(_LEFT)
    for index, each in enumerate(told):
        if index:
            gap = each.at - told[index - 1].at
            x += next((step for longest, step in _STEPS if gap < longest), _FAR)
        found.append(x)
    scale = min(1.0, (_LONGEST - _LEFT) / (x - _LEFT)) if x > _LEFT else 1.0
    return [round(_LEFT + (place - _LEFT) * scale, 1) for place in found]


def _threads(told: Sequence[Told], dots: Sequence[Dot]) -> list[str]:
    """The points of a line for each story of more than one event."""
    points: dict[str, list[str]] = {}
    for each, dot in zip(told, dots, strict=True):
        points.setdefault(each.story, []).append(f"{dot.x},{dot.y}")
    return [" ".join(line) for story, line in points.items() if story and len(line) > 1]


def _days(told: Sequence[Told], places: Sequence[float]) -> list[tuple[float, str]]:
    """Dates above the lanes, where there is room for one."""
    found: list[tuple[float, str]] = []
    for each, x in zip(told, places, strict=True):
        text = day(each.at)
        if not found or (text != found[-1][1] and x - found[-1][0] >= 130):
            found.append((x, text))
    return found
