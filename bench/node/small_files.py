"""Many small files, several at a time, ours beside stock."""

import os
import time
from collections.abc import Iterator

from bench.node.bench_of import KIB, Bench, Pair, Rates, Table
from bench.node.grids import NAMES, Grid, Protocol
from bench.node.web import get_all, put_all

COUNT, SIZE, AT_ONCE = 200, 10 * KIB, 16
LATENCY, GOAL = 5, 0.9


def measure(bench: Bench) -> Iterator[Table]:
    for protocol in bench.protocols:
        yield _table(bench, protocol)


def _table(bench: Bench, protocol: Protocol) -> Table:
    stock, ours, meter = bench.stock(protocol), bench.ours(protocol), bench.load()
    rates = {"put": Rates(), "get": Rates()}
    bench.s3.latency(LATENCY)
    for turn in bench.turns(rates.values()):
        pair, done = bench.load(), {}
        for grid in (stock, ours) if turn % 2 else (ours, stock):
            done[grid.name] = _once(grid)
        others = pair.reading().foreign
        for what, one in rates.items():
            one.pairs.append(Pair(done[ours.name][what], done[stock.name][what], others))
    bench.s3.latency(0)
    name = f"{{}} {COUNT} files of 10 KiB, {AT_ONCE} at a time, {LATENCY} ms"
    rows = [one.row(name.format(what), "files/s", GOAL) for what, one in rates.items()]
    return Table(f"small files over {NAMES[protocol]}", rows, meter.reading())


def _once(grid: Grid) -> dict[str, float]:
    contents = [os.urandom(SIZE) for _ in range(COUNT)]
    began = time.perf_counter()
    caps = put_all(grid.clients, contents, AT_ONCE)
    stored = time.perf_counter()
    get_all(grid.clients, caps, contents, AT_ONCE)
    return {"put": COUNT / (stored - began), "get": COUNT / (time.perf_counter() - stored)}
