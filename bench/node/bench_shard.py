"""Many grids in one process: what they cost while nobody uses them, and whether one takes another's turn.

Ours is one `s4-node shard` with the introducers and the storage servers of all grids, their shares in S3 (the double of
the node's tests, on the loopback). Stock is `tahoe run` twice: an introducer and a storage server of one grid. Both are
idle, then measured over the same 20 seconds. Then unmodified clients use some of the grids: first each of them the
same, then one of them with many files at once. Nothing outside of a temporary folder is touched.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.node.bench_of import Row, Table  # noqa: E402  the path is set above
from bench.node.grids import S4_NODE, stock_grid  # noqa: E402
from bench.node.processes import PATIENCE, LoadMeter, Processes, Started, free_port, processes, until  # noqa: E402
from bench.node.report import printed, written  # noqa: E402
from bench.node.s3_double import NODE_PYTHON, S3  # noqa: E402

IDLE_SECONDS = 20.0
SETTLED_SECONDS = 5.0
BUSY, FILE_KIB, GREEDY_AT_ONCE = 10, 256, 16
MEMORY_GOAL = 110.0  # MiB for 50 grids
IDLE_GOAL = 1.0  # percent of a core
LATENCY = 5


@dataclass
class Shard:
    """A serving shard and its grids' furls."""

    process: Started
    port: int
    furls: list[str]
    seconds: float  # until all were served
    cpu_seconds: float


def a_shard(ours: Processes, s3: S3, count: int, folder: Path, first: int = 0) -> Shard:
    name, section, port = folder.name, ours.folder / "section", free_port()
    section.write_text(s3.section(name + "-{number}/"))
    laid_out = [NODE_PYTHON, ROOT / "bench/node/shard_grids.py", folder, first, count, section]
    done = subprocess.run([str(word) for word in laid_out], check=True, capture_output=True, text=True)  # noqa: S603
    began = time.monotonic()
    process = ours.start(name, [S4_NODE, "shard", folder, "--listen", f"127.0.0.1:{port}"])
    until(lambda: ready(process, port) == count, f"{count} grids are ready", 120)
    return Shard(process, port, done.stdout.split(), time.monotonic() - began, process.cpu_seconds())


def ready(process: Started, port: int) -> int:
    """How many grids of the shard are."""
    process.require_alive()
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            grids = json.loads(answer.read())["grids"]
    except OSError:  # among them HTTPError: 503 until all were tried
        return 0
    return sum(grid["ready"] for grid in grids.values())


def idle(shard: Shard, stock: list[Started], meter: LoadMeter) -> Table:
    time.sleep(SETTLED_SECONDS)
    every = [shard.process, *stock]
    before = [one.cpu_seconds() for one in every]
    time.sleep(IDLE_SECONDS)
    cpu = [100 * (one.cpu_seconds() - used) / IDLE_SECONDS for one, used in zip(every, before, strict=True)]
    memory = [one.memory_mib("VmRSS") for one in every]
    files = len([*Path(f"/proc/{shard.process.pid}/fd").iterdir()])
    count = len(shard.furls)
    rows = [
        Row(f"memory of {count} grids in one process", memory[0], "MiB", goal=MEMORY_GOAL, ok=memory[0] <= MEMORY_GOAL),
        Row("the same for each grid", memory[0] / count, "MiB"),
        Row("memory of one grid, stock (two processes)", sum(memory[1:]), "MiB"),
        Row(f"processor, {count} grids", cpu[0], "% of a core", goal=IDLE_GOAL, ok=cpu[0] <= IDLE_GOAL),
        Row("processor, one grid, stock", sum(cpu[1:]), "% of a core"),
        Row("until all are served", shard.seconds, "s", note=f"{shard.cpu_seconds:.1f} s of processor"),
        Row("open files", files, ""),
    ]
    return Table(f"{count} idle grids in one process", rows, meter.reading())


def clients(ours: Processes, furls: list[str], seconds: int, at_once: int) -> "subprocess.Popen[str]":
    """A process with a client of each grid, connected and ready to begin."""
    folder = ours.folder / f"clients-{free_port()}"
    words = [NODE_PYTHON, ROOT / "bench/node/shard_clients.py", folder, seconds, FILE_KIB, at_once]
    process = subprocess.Popen(  # noqa: S603  ours
        [str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    told(process, " ".join(furls))
    if not heard(process):
        raise SystemExit("the clients are not connected")
    return process


def told(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdin is not None  # noqa: S101  piped above
    process.stdin.write(line + "\n")
    process.stdin.flush()


def heard(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None  # noqa: S101  piped above
    return process.stdout.readline()


def busy(ours: Processes, shard: Shard, seconds: int, greedy: int) -> Table:
    """Each client has one file on its way; `greedy` is how many another one has, of one more grid."""
    polite = clients(ours, shard.furls[1 : BUSY + 1], seconds, 1)
    both = [polite, *([clients(ours, shard.furls[:1], seconds, greedy)] if greedy else [])]
    meter, used = LoadMeter(ours), shard.process.cpu_seconds()
    shard.process.forget_peak()
    for process in both:
        told(process, "go")
    answers = [json.loads(heard(process)) for process in both]
    processor = 100 * (shard.process.cpu_seconds() - used) / seconds
    for process in both:
        process.communicate(timeout=PATIENCE)
    files = [client["files"] for client in answers[0]]
    rows = [
        Row("files stored and read by each, on average", sum(files) / len(files), ""),
        Row("fewest of them / most of them", min(files) / max(files), "", note="goal >= 0.5"),
        Row("the longest that one file took them", max(client["longest"] for client in answers[0]), "s"),
        Row("peak memory of the shard", shard.process.memory_mib("VmHWM"), "MiB"),
        Row("processor of the shard", processor, "% of a core"),
    ]
    if greedy:
        rows.insert(3, Row("files of the one with many at once", answers[1][0]["files"], ""))
    beside = f", beside one with {greedy} files at once" if greedy else ""
    title = f"{BUSY} grids used for {seconds} s, a file of {FILE_KIB} KiB at a time{beside}; S3 after {LATENCY} ms"
    return Table(title, rows, meter.reading())


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grids", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=20, help="how long grids are used")
    parser.add_argument("--output", type=Path, default=ROOT / "build/bench/shard.json")
    return parser.parse_args()


def main() -> int:
    asked, tables = options(), []
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder, processes(Path(folder)) as ours:
        s3, meter = S3(ours), LoadMeter(ours)
        shard = a_shard(ours, s3, asked.grids, ours.folder / "shard")
        stock = stock_grid(ours, "gbs", clients=0)
        tables.append(idle(shard, stock.processes, meter))
        printed(tables[-1])
        ours.stop(*reversed(stock.processes))
        s3.latency(LATENCY)
        for greedy in (0, GREEDY_AT_ONCE):
            tables.append(busy(ours, shard, asked.seconds, greedy))
            printed(tables[-1])
    written(tables, asked.output)
    return 0 if all(row.ok is not False for table in tables for row in table.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
