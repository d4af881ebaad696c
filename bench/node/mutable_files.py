"""A small mutable file (SDMF) overwritten again and again, ours beside stock."""

import os
import time
from collections.abc import Iterator

from bench.node.bench_of import KIB, Bench, Pair, Rates, Table
from bench.node.grids import NAMES, Grid, Protocol

UPDATES, SIZE = 40, 10 * KIB
LATENCIES = (0, 5)


def measure(bench: Bench) -> Iterator[Table]:
    for protocol in bench.protocols:
        yield _table(bench, protocol)


def _table(bench: Bench, protocol: Protocol) -> Table:
    stock, ours, meter = bench.stock(protocol), bench.ours(protocol), bench.load()
    caps = {grid.name: grid.client.put_mutable(b"before") for grid in (stock, ours)}
    rates = {latency: Rates() for latency in LATENCIES}
    for turn in bench.turns(rates.values()):
        for latency, one in rates.items():
            bench.s3.latency(latency)
            pair, done = bench.load(), {}
            for grid in (stock, ours) if turn % 2 else (ours, stock):
                done[grid.name] = _once(grid, caps[grid.name])
            one.pairs.append(Pair(done[ours.name], done[stock.name], pair.reading().foreign))
    bench.s3.latency(0)
    rows = [one.row(f"overwrite 10 KiB, S3 answers after {latency} ms", "1/s") for latency, one in rates.items()]
    return Table(f"a mutable file over {NAMES[protocol]}, one update after the other", rows, meter.reading())


def _once(grid: Grid, cap: str) -> float:
    content, began = os.urandom(SIZE), time.perf_counter()
    for number in range(UPDATES):
        grid.client.overwrite(cap, content + str(number).encode())
    return UPDATES / (time.perf_counter() - began)
