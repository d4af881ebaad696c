"""How many grids a host holds: what one of many costs at rest, and when every tenth is used.

Ours are several `s4-node shard` processes, as many grids each as a host would give them, with their shares in S3 (the
double of the node's tests, on the loopback). Stock is `tahoe run` twice, the introducer and the storage server of one
grid, in the same run. Memory is the sum of what each process holds (VmRSS): what they share is counted for each of
them. Then unmodified clients use every tenth grid, all at once. Nothing outside of a temporary folder is touched.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.node.bench_of import Row, Table  # noqa: E402  the path is set above
from bench.node.bench_shard import FILE_KIB, SETTLED_SECONDS, Shard, a_shard, clients, heard, told  # noqa: E402
from bench.node.grids import S4_NODE, stock_grid  # noqa: E402
from bench.node.processes import PATIENCE, LoadMeter, Processes, Started, processes  # noqa: E402
from bench.node.report import printed, written  # noqa: E402
from bench.node.s3_double import S3  # noqa: E402

HOST_MIB, SYSTEM_MIB = 2048, 200  # of a small host; what the system itself, sshd and a command of ours may take of it
GRIDS_GOAL, RATIO_GOAL = 500, 50.0
USED_OF = 10  # every tenth
LOOK_SECONDS = 0.25


def memory(every: Iterable[Started]) -> float:
    return sum(one.memory_mib("VmRSS") for one in every)


def fitting(grids: int, mib: float) -> float:
    """How many would fill the host, if each took as much as these."""
    return grids * (HOST_MIB - SYSTEM_MIB) / mib


def at_rest(shards: list[Shard], stock: list[Started], meter: LoadMeter) -> Table:
    time.sleep(SETTLED_SECONDS)
    grids, ours, theirs = sum(len(one.furls) for one in shards), memory(one.process for one in shards), memory(stock)
    ratio, fit = theirs / (ours / grids), fitting(grids, ours)
    name = f"grids at rest that fill {HOST_MIB} MiB less {SYSTEM_MIB} for the system"
    rows = [
        Row(f"memory of {grids} grids in {len(shards)} shards", ours, "MiB"),
        Row("the same for each grid", ours / grids, "MiB"),
        Row("memory of one grid, stock (two processes)", theirs, "MiB"),
        Row("one stock grid is as many of ours", ratio, "", note=goal(ratio, RATIO_GOAL), ok=ratio >= RATIO_GOAL),
        Row(name, fit, "", note=goal(fit, GRIDS_GOAL), ok=fit >= GRIDS_GOAL),
        Row("until all are served", sum(one.seconds for one in shards), "s"),
    ]
    return Table(f"{grids} grids at rest", rows, meter.reading())


def in_use(ours: Processes, shards: list[Shard], seconds: int) -> Table:
    """Each client stores and reads one file after another."""
    grids, every = sum(len(one.furls) for one in shards), [one.process for one in shards]
    used = [furl for one in shards for furl in one.furls[::USED_OF]]
    users, meter, most = clients(ours, used, seconds, 1), LoadMeter(ours), 0.0
    before = [one.cpu_seconds() for one in every]
    told(users, "go")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        most = max(most, memory(every))
        time.sleep(LOOK_SECONDS)
    answers = json.loads(heard(users))
    users.communicate(timeout=PATIENCE)
    processor = 100 * sum(one.cpu_seconds() - was for one, was in zip(every, before, strict=True)) / seconds
    fit = fitting(grids, most)
    rows = [
        Row(f"most memory of {grids} grids, {len(used)} of them used", most, "MiB"),
        Row("the same for each grid", most / grids, "MiB"),
        Row(f"grids that fill {HOST_MIB} MiB less {SYSTEM_MIB} so", fit, ""),
        Row(f"files of {FILE_KIB} KiB stored and read, all", sum(client["files"] for client in answers), ""),
        Row("fewest by one client", min(client["files"] for client in answers), ""),
        Row("the longest that one file took", max(client["longest"] for client in answers), "s"),
        Row("processor of the shards", processor, "% of a core"),
    ]
    return Table(f"every {USED_OF}th of {grids} grids used for {seconds} s, all at once", rows, meter.reading())


def commands(ours: Processes, shards: list[Shard], root: Path) -> Table:
    """What `s4-host` takes for all grids at once, its own start included."""
    configuration, meter = ours.folder / "host.json", LoadMeter(ours)
    configuration.write_text(json.dumps({"root": str(root), "supervisor": "process", "bind": "127.0.0.1"}))
    known_to_the_host(root, shards)
    environ = {"S4_HOST_CONFIG": str(configuration), "PATH": "/usr/bin:/bin"}
    listed, listing = timed("list", environ)
    states = [grid["state"] for grid in listed["grids"].values()]
    for grid in listed["grids"]:
        lent_to(root, grid).write_text("")
    lent = dict.fromkeys(("access_key_id", "secret_access_key", "session_token"), "x")
    told = {"grids": dict.fromkeys(listed["grids"], lent | {"expires_at": "2030-01-01T00:00:00Z"})}
    answer, lending = timed("lend", environ, told)
    rows = [
        Row(f"s4-host list, {states.count('running')} grids running", listing, "s"),
        Row(f"s4-host lend, {len(answer['lent'])} grids", lending, "s"),
    ]
    return Table(f"one command for {len(states)} grids in {len(shards)} shards", rows, meter.reading())


def known_to_the_host(root: Path, shards: list[Shard]) -> None:
    """The processes are those that the host's command would have started."""
    (root / ".host").mkdir(mode=0o700)
    for one in shards:
        pid = one.process.pid
        started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]  # proc(5): field 22
        (root / ".host" / f"{one.process.name}.pid").write_text(f"{pid} {started}\n")


def timed(command: str, environ: dict[str, str], told: object = None) -> tuple[dict[str, Any], float]:
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603  ours
        [S4_NODE.with_name("s4-host"), command],
        check=True, capture_output=True, text=True, env=environ, input=json.dumps(told),
    )  # fmt: skip
    return json.loads(done.stdout), time.monotonic() - began


def lent_to(root: Path, grid_id: str) -> Path:
    """The file that a grid has which was applied with credentials; these grids read another one."""
    (home,) = root.glob(f".shards/*/grids/{grid_id}")
    return home / "storage/private/lent-credentials"


def goal(value: float, least: float) -> str:
    return f"goal >= {least:g}: {'ok' if value >= least else 'MISSED'}"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, default=5)
    parser.add_argument("--grids", type=int, default=100, help="of each shard")
    parser.add_argument("--seconds", type=int, default=30, help="how long grids are used")
    parser.add_argument("--output", type=Path, default=ROOT / "build/bench/density.json")
    return parser.parse_args()


def main() -> int:
    asked, tables = options(), []
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder, processes(Path(folder)) as ours:
        s3, meter = S3(ours), LoadMeter(ours)
        stock = stock_grid(ours, "gbs", clients=0)
        root = ours.folder / "grids"
        shards = [
            a_shard(ours, s3, asked.grids, root / ".shards" / f"s{number}", first=number * asked.grids)
            for number in range(asked.shards)
        ]
        tables.append(at_rest(shards, stock.processes, meter))
        printed(tables[-1])
        ours.stop(*reversed(stock.processes))
        tables.append(commands(ours, shards, root))
        printed(tables[-1])
        tables.append(in_use(ours, shards, asked.seconds))
        printed(tables[-1])
    written(tables, asked.output)
    return 0 if all(row.ok is not False for table in tables for row in table.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
