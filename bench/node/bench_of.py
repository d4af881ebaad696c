"""What every measurement works with: the machine, S3, and a stock grid beside ours."""

import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.node.grids import Grid, Protocol, s3_grid, stock_grid
from bench.node.processes import Load, LoadMeter, Processes
from bench.node.s3_double import S3

MIB, KIB = 2**20, 2**10


@dataclass(frozen=True)
class Row:
    """One figure. `ratio` is the median of the ratios of neighbouring runs, which no slower machine changes."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    goal: float | None = None
    ok: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class Table:
    """What one measurement came to, and how busy the machine was with other things."""

    title: str
    rows: list[Row]
    load: Load


@dataclass
class Bench:
    """One run of the bench."""

    processes: Processes
    s3: S3
    rounds: int
    protocols: tuple[Protocol, ...]
    with_mounts: bool = False
    grids: dict[str, Grid] = field(default_factory=dict)

    def stock(self, protocol: Protocol) -> Grid:
        """The stock disk backend; made once."""
        return self._made(f"stock-{protocol}", lambda: stock_grid(self.processes, protocol))

    def ours(self, protocol: Protocol) -> Grid:
        """The bucket; made once."""
        return self._made(f"s4-{protocol}", lambda: s3_grid(self.processes, protocol, self.s3))

    def end(self) -> None:
        """No grid runs any more."""
        for name in tuple(self.grids):
            self.processes.stop(*reversed(self.grids.pop(name).processes))

    def load(self) -> LoadMeter:
        return LoadMeter(self.processes)

    def _made(self, name: str, make: Callable[[], Grid]) -> Grid:
        if name not in self.grids:
            grid = self.grids[name] = make()
            grid.client.get(
                grid.client.put(first := os.urandom(KIB)), first
            )  # connections are made, modules are loaded
        return self.grids[name]


@dataclass
class Rates:
    """Of neighbouring runs."""

    ours: list[float] = field(default_factory=list)
    stock: list[float] = field(default_factory=list)

    def row(self, name: str, unit: str, goal: float | None = None, note: str = "") -> Row:
        ratios = [mine / theirs for mine, theirs in zip(self.ours, self.stock, strict=True)]
        ratio = statistics.median(ratios)
        return Row(
            name,
            statistics.median(self.ours),
            unit,
            statistics.median(self.stock),
            ratio,
            goal,
            None if goal is None else ratio >= goal,
            note or " ".join(f"{one:.2f}" for one in sorted(ratios)),
        )


@dataclass(frozen=True)
class Contents:
    """Random bytes of which each `next` is another file to a client, without making them again."""

    size: int
    _bytes: bytearray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_bytes", bytearray(os.urandom(self.size)))

    def next(self) -> bytes:
        self._bytes[:16] = os.urandom(16)
        return bytes(self._bytes)
