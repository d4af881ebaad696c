"""What every measurement works with: the machine, S3, and a stock grid beside ours."""

import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from bench.node.grids import Grid, Protocol, s3_grid, stock_grid
from bench.node.processes import Load, LoadMeter, Processes
from bench.node.s3_double import S3

MIB, KIB = 2**20, 2**10
CALM = 0.15  # of the machine, used by others
LEAST_CALM = 2  # pairs of runs


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
    patience: float = 0.0  # seconds for more rounds, where others disturbed
    grids: dict[str, Grid] = field(default_factory=dict)

    def stock(self, protocol: Protocol) -> Grid:
        """The stock disk backend; made once."""
        return self._made(f"stock-{protocol}", lambda: stock_grid(self.processes, protocol))

    def ours(self, protocol: Protocol) -> Grid:
        """The bucket; made once."""
        return self._made(f"s4-{protocol}", lambda: s3_grid(self.processes, protocol, self.s3))

    def turns(self, rates: Iterable["Rates"]) -> Iterator[int]:
        """As many rounds as are asked for, and more until as many were calm, while there is patience."""
        until, turn = time.monotonic() + self.patience, 0
        while turn < self.rounds or (min(len(one.calm) for one in rates) < self.rounds and time.monotonic() < until):
            yield turn
            turn += 1

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


@dataclass(frozen=True)
class Pair:
    """Two neighbouring runs, and which part of the machine others used meanwhile."""

    ours: float
    stock: float
    others: float

    @property
    def ratio(self) -> float:
        return self.ours / self.stock


@dataclass
class Rates:
    """Of neighbouring runs. Those that others disturbed count when there are not enough others."""

    pairs: list[Pair] = field(default_factory=list)

    @property
    def calm(self) -> list[Pair]:
        return [pair for pair in self.pairs if pair.others <= CALM]

    def row(self, name: str, unit: str, goal: float | None = None) -> Row:
        counted = self.calm if len(self.calm) >= LEAST_CALM else self.pairs
        ours, stock, ratio = (
            statistics.median(getattr(pair, part) for pair in counted) for part in ("ours", "stock", "ratio")
        )
        ratios = " ".join(f"{each:.2f}" for each in sorted(pair.ratio for pair in counted))
        note = ratios if counted is not self.pairs else f"{ratios}, disturbed"
        return Row(name, ours, unit, stock, ratio, goal, None if goal is None else ratio >= goal, note)


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
