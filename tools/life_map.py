"""Draw the lives of grids and of hosts, as the source has them: life_map.py GRID.svg HOST.svg."""

import sys
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from s4_provisioner import lifecycle as grids
from s4_provisioner.fleet import lifecycle as hosts
from s4_provisioner.fleet.lifecycle import HostStage, HostWanted
from s4_provisioner.lifecycle import Stage, Wanted

Place = tuple[int, int]
# Where each stage stands: the way up to the right, the way down back to the left below it.
_GRID: Mapping[Stage, Place] = {
    Stage.IDENTITY: (90, 90),
    Stage.BUCKET: (240, 90),
    Stage.CREDENTIALS: (390, 90),
    Stage.HOST: (540, 90),
    Stage.BOOT: (690, 90),
    Stage.NODE: (840, 90),
    Stage.DNS: (990, 90),
    Stage.PROOF: (1140, 90),
    Stage.READY: (1290, 90),
    Stage.STOP: (1290, 230),
    Stage.SUSPENDED: (1140, 230),
    Stage.UNNAME: (990, 230),
    Stage.RELEASE: (840, 230),
    Stage.REVOKE: (690, 230),
    Stage.EMPTY: (540, 230),
    Stage.FORGET: (390, 230),
    Stage.ABSENT: (240, 230),
    Stage.FAILED: (90, 230),
}
_HOST: Mapping[HostStage, Place] = {
    HostStage.PLAN: (90, 90),
    HostStage.LAUNCH: (240, 90),
    HostStage.BOOT: (390, 90),
    HostStage.PREPARE: (540, 90),
    HostStage.READY: (690, 90),
    HostStage.RELEASE: (690, 230),
    HostStage.GONE: (540, 230),
    HostStage.FAILED: (390, 230),
}
_WIDE, _HIGH = 116, 46
_RESTS = {"ready", "suspended", "absent", "failed", "gone"}
_STYLE = (
    "text{font:14px system-ui,sans-serif;fill:#1c2b33}.n{font-weight:600}.w{font-size:12.5px;fill:#44565f}"
    ".s{fill:#fff;stroke:#0b5c6b;stroke-width:2}.k{fill:#e3f0ea}.a{stroke:#0b5c6b;stroke-width:1.6;fill:none}"
    ".t{stroke-dasharray:5 4}.d{fill:#0b5c6b}.bg{fill:#f6f9fa}"
)
_GRID_WORDS = (
    "Full lines: the step is done. Broken lines: something else is wanted, or the grid moves to another host.",
    "Every step of the upper row turns down as ready does, and every step of the way down turns up as unname does.",
    "A grid whose payment is contested, or that an operator holds, is stopped and never removed.",
    "Any step that fails for good leads to failed; there a person looks, or the next wish goes on where it failed.",
)
_HOST_WORDS = (
    "Full lines: the step is done. Broken lines: the host is not wanted any more.",
    "A step that fails for good leads to failed; what is left of it is released.",
)


def grid_life() -> str:
    """The picture of a grid's life as SVG. KeyError for a stage without a place."""
    done = {(stage, after) for wanted in Wanted for stage in Stage if (after := grids.next_stage(wanted, stage))}
    turned = _turns(list(Stage), list(Wanted), grids.turned) | {(Stage.READY, grids.elsewhere(Stage.READY))}
    return _drawing("The life of a grid", _GRID, sorted(done), _told(turned - done), _GRID_WORDS)


def host_life() -> str:
    """The picture of a host's life as SVG."""
    done = {
        (stage, after) for wanted in HostWanted for stage in HostStage if (after := hosts.next_stage(wanted, stage))
    }
    turned = _turns(list(HostStage), list(HostWanted), hosts.turned)
    return _drawing("The life of a host", _HOST, sorted(done), _told(turned - done), _HOST_WORDS)


def _turns(
    stages: Sequence[StrEnum], wanted: Sequence[StrEnum], turn: Callable[..., StrEnum]
) -> set[tuple[StrEnum, StrEnum]]:
    """Where a stage is left before its step is done, because something else is wanted."""
    return {(stage, after) for each in wanted for stage in stages if (after := turn(each, stage)) is not stage}


def _told(turns: set[tuple[StrEnum, StrEnum]]) -> list[tuple[StrEnum, StrEnum]]:
    """The turns that are drawn: those from where nothing is done, and from the first step down. Others are alike."""
    drawn = {*_RESTS, Stage.UNNAME.value, HostStage.PLAN.value}
    return [way for way in sorted(turns) if way[0].value in drawn]


def _drawing(
    title: str,
    places: Mapping[StrEnum, Place] | Mapping[Stage, Place] | Mapping[HostStage, Place],
    done: Sequence[tuple[StrEnum, StrEnum]],
    turned: Sequence[tuple[StrEnum, StrEnum]],
    words: Sequence[str],
) -> str:
    at = {stage.value: place for stage, place in places.items()}
    wide, high = max(x for x, _ in at.values()) + 90, 300 + 22 * len(words)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" role="img" aria-labelledby="t">',
        f'<title id="t">{title}: its steps, and what leads from one to another</title>',
        f"<style>{_STYLE}</style>",
        (
            '<defs><marker id="m" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            '<path class="d" d="M0 0 8 4 0 8Z"/></marker></defs>'
        ),
        f'<rect class="bg" width="{wide}" height="{high}" rx="12"/>',
    ]
    parts += [_arrow(one, other, at, "a") for one, other in done]
    parts += [_arrow(one, other, at, "a t") for one, other in turned]
    parts += [line for stage in at for line in _box(stage, at[stage])]
    parts += [f'<text class="w" x="32" y="{300 + 22 * row}">{text}</text>' for row, text in enumerate(words)]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _box(stage: str, place: Place) -> list[str]:
    x, y = place
    rests = " k" if stage in _RESTS else ""
    return [
        f'<rect class="s{rests}" x="{x - _WIDE // 2}" y="{y - _HIGH // 2}" width="{_WIDE}" height="{_HIGH}" rx="10"/>',
        f'<text class="n" x="{x}" y="{y + 5}" text-anchor="middle">{stage}</text>',
    ]


def _arrow(one: StrEnum, other: StrEnum, at: Mapping[str, Place], kind: str) -> str:
    """A straight line between neighbours; between others a bow above or below the row."""
    (x, y), (to_x, to_y) = at[one.value], at[other.value]
    if y == to_y and abs(to_x - x) <= 150:
        side = 1 if to_x > x else -1
        line = f"M{x + side * _WIDE // 2} {y}H{to_x - side * _WIDE // 2}"
    elif y == to_y:
        bow = y - 62 if y < 150 else y + 52
        edge = _HIGH // 2 if y > 150 else -_HIGH // 2
        line = f"M{x} {y + edge}C{x} {bow} {to_x} {bow} {to_x} {to_y + edge}"
    else:
        side = 1 if to_y > y else -1
        half, middle = side * _HIGH // 2, (y + to_y) // 2
        line = f"M{x} {y + half}C{x} {middle} {to_x} {middle} {to_x} {to_y - half}"
    return f'<g><title>{one.value} to {other.value}</title><path class="{kind}" d="{line}" marker-end="url(#m)"/></g>'


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(grid_life(), encoding="utf-8")
    Path(sys.argv[2]).write_text(host_life(), encoding="utf-8")
