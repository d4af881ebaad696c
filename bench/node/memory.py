"""The memory of our storage server while eight client processes move a large file each, all at once."""

import time
from collections.abc import Iterator

from bench.node.bench_of import MIB, Bench, Contents, Row, Table
from bench.node.grids import NAMES, Protocol, s3_grid
from bench.node.web import get_all, put_all

CLIENTS, SIZE = 8, 100 * MIB
LATENCY = 5
GOAL = 200.0  # MiB above idle


def measure(bench: Bench) -> Iterator[Table]:
    bench.end()  # two cores are enough for nine processes, not for more
    for protocol in bench.protocols:
        yield _table(bench, protocol)


def _table(bench: Bench, protocol: Protocol) -> Table:
    grid, meter = s3_grid(bench.processes, protocol, bench.s3, CLIENTS), bench.load()
    bench.s3.latency(LATENCY)
    made = Contents(SIZE)
    contents = [made.next() for _ in range(CLIENTS)]
    idle = grid.server.memory_mib("VmRSS")
    rows = [Row("idle", idle, "MiB")]
    peaks, caps = [], list[str]()
    for what in ("put", "get"):
        grid.server.forget_peak()
        began = time.perf_counter()
        if what == "put":
            caps = put_all(grid.clients, contents, CLIENTS)
        else:
            get_all(grid.clients, caps, contents, CLIENTS)
        rate = CLIENTS * SIZE / MIB / (time.perf_counter() - began)
        peaks.append(grid.server.memory_mib("VmHWM"))
        rows.append(Row(f"peak while 8 x 100 MiB are {what}", peaks[-1], "MiB", note=f"{rate:.0f} MiB/s in all"))
    above = max(peaks) - idle
    rows.append(Row("peak above idle", above, "MiB", goal=GOAL, ok=above <= GOAL))
    bench.s3.latency(0)
    bench.processes.stop(*reversed(grid.processes))
    title = f"memory of the storage server over {NAMES[protocol]}, S3 answers after {LATENCY} ms"
    return Table(title, rows, meter.reading())
