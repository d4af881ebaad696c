"""The site on one core: two pages beside a bare aiohttp handler that sends the same bytes, and 2,000 live streams.

One replica runs in a process of its own, on one core, with a real PostgreSQL (fsync on) that holds 20,000 finished
signups; who asks runs on another core. The pages and the bare handler take turns; what counts is requests for each
second of processor time of the process that answers, so that others on the machine do not, and the median of the turns'
ratios. Then 2,000 browsers open their status pages' live streams, each for a signup of its own: memory of the replica
before and after, the time until a change of one signup is told, and until one change of each of them is told to all.
Everything stays on the loopback, and takes about a minute.
"""

import argparse
import asyncio
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import asyncpg
import structlog
import uvloop

from s4_shop.ports import free_port
from s4_store import Pool, migrate
from s4_web import store

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.billing.crowded import postgres  # noqa: E402  the path is set above
from bench.web.people import browsers, finished, half_made  # noqa: E402

PAGES = ("signup", "status")
# Who watches asks for the status page at each of about twenty changes, in about twenty seconds: 500 grids that are made
# at once ask for 500 pages a second, and one core is to be enough for that and the streams. A bare answer takes about
# 50 microseconds of a core, so a page may take thirty of them; the form, which is asked for more seldom, as much.
LEAST_RATIO = {"signup": 0.033, "status": 0.033}
MOST_KIB = 64.0  # a stream: 5,000 of them, the most that a replica takes, are 320 MiB
MOST_SECONDS = 2.0  # until all of them know
FINISHED = 20_000
ALONE = 30  # changes that are timed one by one


class Side:
    """A process of the bench, that answers each line with a line."""

    def __init__(self, process: subprocess.Popen[str], out: IO[str], into: IO[str]) -> None:
        self.pid, self._out, self._into = process.pid, out, into

    def hear(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self._out.readline() or "null") or sys.exit("a side ended too soon")
        return told

    def tell(self, line: str) -> None:
        self._into.write(f"{line}\n")
        self._into.flush()

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def held_kib(self) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@contextmanager
def side(*words: str) -> Iterator[Side]:
    command = [sys.executable, str(Path(__file__).with_name("sides.py")), *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603  ours
    try:
        if process.stdout is None or process.stdin is None:
            raise SystemExit("a side has no pipes")
        yield Side(process, process.stdout, process.stdin)
    finally:
        process.communicate(timeout=60)


Figure = dict[str, Any]
Served = tuple[Side, str]  # who answers, and where


def row(name: str, value: float, unit: str, most: float | None = None) -> Figure:
    """One figure in the form that all benches write."""
    ok = None if most is None else value <= most
    nothing = {"baseline": None, "ratio": None}
    return {"name": name, "value": round(value, 4), "unit": unit, **nothing, "goal": most, "ok": ok}


def beside(page: str, pairs: list[tuple[float, float]]) -> Figure:
    """A page's figure, with the bare handler's of the same turns."""
    ours, theirs = (statistics.median(each) for each in zip(*pairs, strict=True))
    ratio, least = statistics.median(one / other for one, other in pairs), LEAST_RATIO[page]
    found = row(f"GET /{page}, for each second of one core", ours, "requests")
    return {**found, "baseline": round(theirs, 1), "ratio": round(ratio, 3), "goal": least, "ok": ratio >= least}


def keep(origin: str, cookies: dict[str, str], folder: Path) -> None:
    """What the site answers, for the bare handler."""
    headers: dict[str, str] = {}
    for page in PAGES:
        request = urllib.request.Request(f"{origin}/{page}", headers={"Cookie": f"s4={cookies[page]}"})  # noqa: S310  ours
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  ours
            (folder / f"{page}.page").write_bytes(answer.read())
            headers = {name: value for name, value in answer.headers.items() if name not in {"Content-Length", "Date"}}
    (folder / "headers").write_text(json.dumps(headers), encoding="utf-8")


def speed(of: Side, url: str, cookie: str, seconds: float) -> float:
    """Answers for each second of the process's own time."""
    before = of.cpu_seconds()
    with side("load", url, cookie, str(seconds)) as load:
        answered = load.hear()["answered"]
    return float(answered / max(of.cpu_seconds() - before, 0.01))


def in_turns(ours: Served, bare: Served, cookies: dict[str, str], rounds: int) -> list[Figure]:
    """The figures of the pages."""
    for page in PAGES:  # templates are compiled, connections are open
        speed(ours[0], f"{ours[1]}/{page}", cookies[page], 1)
    found: dict[str, list[tuple[float, float]]] = {page: [] for page in PAGES}
    for _ in range(rounds):
        for page in PAGES:
            theirs = speed(bare[0], f"{bare[1]}/{page}", cookies[page], 2)
            found[page].append((speed(ours[0], f"{ours[1]}/{page}", cookies[page], 2), theirs))
    return [beside(page, pairs) for page, pairs in found.items()]


async def change(pool: Pool, signups: list[str]) -> float:
    """Each of the signups has news, all committed at once; when."""
    async with pool.transaction() as tx:
        for signup in signups:
            account = await tx.fetchval("SELECT account_id FROM signups WHERE signup_id = $1", signup)
            await store.say(tx, (signup, account, None), "step", datetime.now(UTC), step="boot", state="started")
    return time.monotonic()


async def streams(ours: Served, pool: Pool, people: list[tuple[str, str]], folder: Path) -> list[Figure]:
    """The figures of the live streams."""
    (folder / "cookies").write_text("\n".join(cookie for cookie, _ in people), encoding="ascii")
    count, before = len(people), ours[0].held_kib()
    with side("watch", ours[1], str(folder / "cookies")) as watchers:
        opened = watchers.hear()["seconds"]
        await asyncio.sleep(1)
        memory = (ours[0].held_kib() - before) / count
        cpu, began = ours[0].cpu_seconds(), time.monotonic()
        await asyncio.sleep(5)
        resting = (ours[0].cpu_seconds() - cpu) / (time.monotonic() - began)
        alone = []
        for _, signup in people[:ALONE]:
            committed = await change(pool, [signup])
            watchers.tell("1")
            alone.append(watchers.hear()["times"][0] - committed)
        committed = await change(pool, [signup for _, signup in people])
        watchers.tell(str(count))
        told = watchers.hear()
        if len(told["times"]) != count or told["all"] != count:
            raise SystemExit(f"{len(told['times'])} streams of {count} were told, {told['all']} times in all")
    name, all_told = f"{count} live streams", max(told["times"]) - committed
    return [
        row(f"{name}: opened, all of them", opened, "s"),
        row(f"{name}: memory of each", memory, "KiB", MOST_KIB),
        row(f"{name}: processor while nothing happens", 100 * resting, "%"),
        row(f"{name}: from one change to its stream, median", statistics.median(alone), "s"),
        row(f"{name}: from one change to its stream, longest of {ALONE}", max(alone), "s"),
        row(f"{name}: from a change of each until all are told", all_told, "s", MOST_SECONDS),
    ]


async def measure(database: str, folder: Path, options: argparse.Namespace) -> list[Figure]:
    await migrate(database, "s4_web")
    connection = await asyncpg.connect(database)
    await finished(connection, FINISHED)
    people = await browsers(connection, options.streams)
    (newcomer, _), *_ = await browsers(connection, 1)
    await half_made(connection, [signup for _, signup in people])
    await connection.close()
    cookies = {"signup": newcomer, "status": people[0][0]}
    ours, bare = (f"127.0.0.1:{free_port()}" for _ in range(2))
    with side("site", database, ours) as site:
        print(f"  ({site.hear()['files']} files may be open in the replica)")
        keep(f"http://{ours}", cookies, folder)
        with side("bare", bare, str(folder)) as plain:
            plain.hear()
            figures = in_turns((site, f"http://{ours}"), (plain, f"http://{bare}"), cookies, options.rounds)
        async with Pool.open(database) as pool:
            return [*figures, *await streams((site, f"http://{ours}"), pool, people, folder)]


def report(figures: list[Figure]) -> int:
    """Print the table and write build/bench/site.json."""
    target = ROOT / "build/bench/site.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for each in figures:
        bare = "" if each["baseline"] is None else f"beside {each['baseline']:g}, ratio {each['ratio']:g}  "
        least = "" if each["goal"] is None else f"goal {each['goal']:g} {'met' if each['ok'] else 'MISSED'}"
        print(f"  {each['name']:<64}{each['value']:>10.4g} {each['unit']:<9}{bare}{least}")
    print(f"  (load of the machine {os.getloadavg()[0]:.1f})")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as name, postgres() as cluster:
        cluster.run("create database web")
        figures = uvloop.run(measure(cluster.url("web"), Path(name), options))
    return report(figures)


if __name__ == "__main__":
    sys.exit(main())
