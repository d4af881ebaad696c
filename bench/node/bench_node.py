"""The S3 storage node beside the stock disk backend: the same unmodified clients, the same machine, the same minutes.

Stock is `tahoe run`, ours is `s4-node run`; introducers and clients are stock processes (1/1/1), used through their web
API. S3 is the double of the node's tests on the loopback, whose own speed is measured first; "S3 answers after 5 ms"
means that it begins each request that much later. Runs of both sides take turns, and each is compared with its
neighbour; the median of these ratios counts. Nothing outside of a temporary folder is touched.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.node import memory, mounts, mutable_files, put_get, requests, small_files  # noqa: E402  the path is set above
from bench.node.bench_of import Bench, Row, Table  # noqa: E402
from bench.node.grids import Protocol  # noqa: E402
from bench.node.processes import LoadMeter, processes  # noqa: E402
from bench.node.report import printed, written  # noqa: E402
from bench.node.s3_double import BUCKET, NODE_PYTHON, S3  # noqa: E402

MEASUREMENTS = {
    "put-get": put_get.measure,
    "small": small_files.measure,
    "mutable": mutable_files.measure,
    "requests": requests.measure,
    "memory": memory.measure,
    "mounts": mounts.measure,
}


def raw(s3: S3, meter: LoadMeter) -> Table:
    """What the S3 server gives to our client for S3 alone."""
    script = ROOT / "bench/node/raw_speed.py"
    command = [NODE_PYTHON, script, s3.endpoint, s3.region, BUCKET, s3.credentials]
    done = subprocess.run([str(word) for word in command], check=True, capture_output=True, timeout=120)  # noqa: S603  ours
    rows = [Row(name, value, "") for name, value in json.loads(done.stdout).items()]
    title = "the S3 double itself (aiohttp, one process, files; 8 MiB and 1 MiB pieces, four at a time)"
    return Table(title, rows, meter.reading())


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=[*MEASUREMENTS], help="may be repeated; default: all")
    parser.add_argument("--protocol", choices=["gbs", "foolscap"], help="default: both")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--patience", type=float, default=0, metavar="SECONDS", help="for each table, until as many rounds were calm"
    )
    parser.add_argument("--mounts", action="store_true", help="also beside s3fs and rclone, which apt-get installs")
    parser.add_argument("--output", type=Path, default=ROOT / "build/bench/node.json")
    return parser.parse_args()


def main() -> int:
    asked = options()
    protocols: tuple[Protocol, ...] = (asked.protocol,) if asked.protocol else ("gbs", "foolscap")
    wanted = [name for name in MEASUREMENTS if name in (asked.only or MEASUREMENTS)]
    began, tables = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder, processes(Path(folder)) as ours:
        bench = Bench(ours, S3(ours), asked.rounds, protocols, asked.mounts, asked.patience)
        tables.append(raw(bench.s3, bench.load()))
        printed(tables[-1])
        for name in wanted:
            for table in MEASUREMENTS[name](bench):
                printed(table)
                tables.append(table)
    written(tables, asked.output)
    judged = [row for table in tables for row in table.rows if row.ok is not None]
    met, seconds = sum(bool(row.ok) for row in judged), time.monotonic() - began
    print(f"\n{met} of {len(judged)} goals met, {seconds:.0f} s, load average {os.getloadavg()[0]:.1f}; {asked.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
