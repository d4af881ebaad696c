"""Who tells whom what: read from the services' source, drawn as SVG.

``python tools/event_map.py docs/reference/events.svg`` writes the drawing; a test keeps it true.
"""

import ast
import sys
from pathlib import Path
from typing import NamedTuple

from s4_contracts import EVENTS

ROOT = Path(__file__).parents[1]
SERVICES = ("web", "billing", "provisioner", "notifier", "invites", "support")
EVENT_NAMES = {event.__name__: event for event in EVENTS}


def home(service: str) -> str:
    """The service's folder in the repository."""
    return next(each for each in (f"services/{service}", f"libs/{service}") if (ROOT / each).is_dir())


class Flow(NamedTuple):
    """One event: the services that emit it and the services that listen to it."""

    event: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]


def flows() -> list[Flow]:
    """Every event with its producers and consumers, in the contracts' order."""
    made: dict[str, set[str]] = {name: set() for name in EVENT_NAMES}
    heard: dict[str, set[str]] = {name: set() for name in EVENT_NAMES}
    for service in SERVICES:
        for path in sorted((ROOT / home(service) / "src").rglob("*.py")):
            for name, is_route in _mentions(ast.parse(path.read_text(encoding="utf-8"))):
                for event in [name] if name in EVENT_NAMES else _of_others(service):
                    (heard if is_route else made)[event].add(service)
    return [
        Flow(name, tuple(s for s in SERVICES if s in made[name]), tuple(s for s in SERVICES if s in heard[name]))
        for name in EVENT_NAMES
    ]


def _of_others(service: str) -> list[str]:
    """All events but its own: what a service hears that has one route for whatever happens."""
    return [name for name, event in EVENT_NAMES.items() if event.__module__ != f"s4_contracts.{service}"]


def _mentions(tree: ast.Module) -> list[tuple[str, bool]]:
    """Events that are constructed (False) or named in ``on(Event, handler)`` (True)."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id in EVENT_NAMES:
            found.append((node.func.id, False))
        elif node.func.id == "on" and node.args and isinstance(node.args[0], ast.Name):
            found.append((node.args[0].id, True))
    return found


# Measures of the drawing, in SVG user units.
_COLUMN, _ROW, _TOP, _LEFT = 230, 54, 96, 140


def drawing(graph: list[Flow]) -> str:
    """The map as SVG: a column for each service, a row for each event, an arrow from who tells to each who listens."""
    width, height = _LEFT * 2 + _COLUMN * (len(SERVICES) - 1), _TOP + _ROW * len(graph) + 40
    at = {service: _LEFT + _COLUMN * index for index, service in enumerate(SERVICES)}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="t">',
        '<title id="t">Events of S4: who tells whom what</title>',
        (
            "<style>text{font:14px system-ui,sans-serif;fill:#1c2b33}.e{font:13px ui-monospace,monospace}"
            ".s{font-weight:600;font-size:16px;fill:#fff}.l{stroke:#9fb3bd;stroke-dasharray:3 4}"
            ".a{stroke:#0b5c6b;stroke-width:2;fill:none}.d{fill:#0b5c6b}.bg{fill:#f6f9fa}</style>"
        ),
        (
            '<defs><marker id="m" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            '<path class="d" d="M0 0 8 4 0 8Z"/></marker></defs>'
        ),
        f'<rect class="bg" width="{width}" height="{height}" rx="12"/>',
    ]
    for service, x in at.items():
        parts += [
            f'<line class="l" x1="{x}" y1="62" x2="{x}" y2="{height - 20}"/>',
            f'<rect class="d" x="{x - 70}" y="24" width="140" height="38" rx="8"/>',
            f'<text class="s" x="{x}" y="48" text-anchor="middle">{service}</text>',
        ]
    for index, flow in enumerate(graph):
        parts += _row(flow, _TOP + _ROW * index + 24, at)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(flow: Flow, y: int, at: dict[str, int]) -> list[str]:
    parts = []
    for producer in flow.producers:
        start = at[producer]
        ends = [at[consumer] for consumer in flow.consumers]
        middle = (start + (max(ends, key=lambda x: abs(x - start)) if ends else start)) // 2
        anchor = middle if abs(middle - start) > 1 else start
        parts.append(f'<circle class="d" cx="{start}" cy="{y}" r="5"/>')
        parts.append(f'<text class="e" x="{anchor}" y="{y - 9}" text-anchor="middle">{flow.event}</text>')
        for end in ends:
            stop = end - 4 if end > start else end + 4
            parts.append(f'<path class="a" d="M{start} {y}H{stop}" marker-end="url(#m)"/>')
    return parts


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(drawing(flows()), encoding="utf-8")
