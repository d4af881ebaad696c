"""One large file, put and got, ours beside stock, with several latencies of S3."""

import time
from collections.abc import Iterator

from bench.node.bench_of import MIB, Bench, Contents, Pair, Rates, Row, Table
from bench.node.grids import NAMES, Grid, Protocol

SIZE = 100 * MIB
GOALS = {0: 0.95, 5: 0.9, 20: 0.8}  # milliseconds of latency -> of stock


def measure(bench: Bench) -> Iterator[Table]:
    for protocol in bench.protocols:
        yield _table(bench, protocol)


def _table(bench: Bench, protocol: Protocol) -> Table:
    stock, ours = bench.stock(protocol), bench.ours(protocol)
    contents, meter = Contents(SIZE), bench.load()
    rates = {(what, latency): Rates() for what in ("put", "get") for latency in GOALS}
    cpu: dict[str, list[float]] = {"stock": [], "ours": []}
    for turn in bench.turns(rates.values()):
        for latency in GOALS:
            bench.s3.latency(latency)
            pair, seconds = bench.load(), {}
            for grid in (stock, ours) if turn % 2 else (ours, stock):
                side = "ours" if grid is ours else "stock"
                used = grid.server.cpu_seconds()
                seconds[side] = _once(grid, contents.next())
                cpu[side].append(grid.server.cpu_seconds() - used)
            others = pair.reading().foreign
            for part, what in enumerate(("put", "get")):
                mine, theirs = (SIZE / MIB / seconds[side][part] for side in ("ours", "stock"))
                rates[what, latency].pairs.append(Pair(mine, theirs, others))
    bench.s3.latency(0)
    rows = [
        one.row(f"{what} 100 MiB, S3 answers after {latency} ms", "MiB/s", GOALS[latency])
        for (what, latency), one in rates.items()
    ]
    return Table(f"one file of 100 MiB over {NAMES[protocol]}", [*rows, _cpu(cpu)], meter.reading())


def _cpu(cpu: dict[str, list[float]]) -> Row:
    mine, theirs = (sum(cpu[side]) / len(cpu[side]) for side in ("ours", "stock"))
    return Row("processor time of the storage server for put and get, S3 not counted", mine, "s", theirs, mine / theirs)


def _once(grid: Grid, content: bytes) -> tuple[float, float]:
    began = time.perf_counter()
    cap = grid.client.put(content)
    stored = time.perf_counter()
    grid.client.get(cap, content)
    return stored - began, time.perf_counter() - stored
