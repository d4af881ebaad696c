"""One, two and four replicas of a service: events per second, and what is lost when replicas are ended mid-work.

Each replica is a relay process and a consumer process; all share one broker, one database server (fsync on) and this
machine's processors. Measured from the word "go" until every event of the outbox is in the ledger, once with handlers
that only insert a row (the processors are the limit) and once with handlers that wait 20 ms for their database (waiting
is). The sizes take turns within a round, each is compared with one replica of the same round, and the median counts.
The goals leave room for a machine that does other things, whose load is printed. Last, four replicas lose three in the
middle of their work, by SIGTERM and by SIGKILL; the one that is left finishes.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.bus.bench_bus import Servers, expect, side, start

from s4_runtime import configure
from s4_store import migrate

_SIZES = (1, 2, 4)
_WAIT = 0.02  # seconds for each event: a replica then handles at most a hundred a second
_PATIENCE = 180.0  # seconds for one run
_LOOK = 0.02  # seconds between looks at the ledger


@dataclass(frozen=True)
class Run:
    """Replicas at work on the events of one outbox."""

    relays: Sequence[subprocess.Popen[str]]
    consumers: Sequence[subprocess.Popen[str]]
    sender: "asyncpg.Connection[asyncpg.Record]"
    receiver: "asyncpg.Connection[asyncpg.Record]"

    def go(self) -> None:
        for process in (*self.consumers, *self.relays):
            assert process.stdin is not None  # noqa: S101  piped
            process.stdin.write("go\n")
            process.stdin.flush()

    async def handled(self, count: int) -> None:
        """Wait until the ledger has so many lines."""
        async with asyncio.timeout(_PATIENCE):
            while await self.receiver.fetchval("select count(*) from ledger") < count:  # noqa: ASYNC110  of the database
                await asyncio.sleep(_LOOK)

    async def wrong(self) -> tuple[int, int]:
        """How many events of the outbox never had their effect, and how many effects were had again."""
        sent = {row["id"] for row in await self.sender.fetch("select body->>'account_id' as id from outbox")}
        had = Counter(row["id"] for row in await self.receiver.fetch("select account_id as id from ledger"))
        return len(sent - set(had)), sum(had.values()) - len(had)


@asynccontextmanager
async def crew(servers: Servers, size: int, count: int, wait: float, folder: Path) -> AsyncIterator[Run]:
    """So many replicas that are ready, before a full outbox; databases of their own."""
    names = [f"{part}_{uuid.uuid4().hex[:8]}" for part in ("sender", "receiver")]
    for name in names:
        servers.postgres.run(f"create database {name}")
    sender, receiver = (servers.postgres.url(name) for name in names)
    amqp = servers.rabbit.amqp_url()
    filling = side("fill", count, folder / "fill.log", database=sender, amqp=amqp)
    expect(filling, "done")
    filling.wait()
    await migrate(receiver, "s4_store")
    near, far = await asyncpg.connect(sender), await asyncpg.connect(receiver)
    await far.execute("create table ledger (account_id text not null)")
    servers.postgres.run("checkpoint")
    told: dict[str, Any] = {"amqp": amqp, "wait": str(wait)}
    log = folder / "replicas.log"
    consumers = [side("replica", count, log, database=receiver, **told) for _ in range(size)]
    relays = [side("relay", count, log, database=sender, **told) for _ in range(size)]
    try:
        for process in (*consumers, *relays):
            await asyncio.to_thread(expect, process, "ready")
        yield Run(relays, consumers, near, far)
    finally:
        for process in (*consumers, *relays):
            process.terminate()
        for process in (*consumers, *relays):
            process.wait(timeout=60)
        await near.close()
        await far.close()
        for name in names:
            servers.postgres.run(f"drop database {name} with (force)")


async def rate(servers: Servers, size: int, count: int, wait: float, folder: Path) -> float:
    """Events per second; every one of them exactly once, or the bench ends here."""
    async with crew(servers, size, count, wait, folder) as run:
        began = time.perf_counter()
        run.go()
        await run.handled(count)
        seconds = time.perf_counter() - began
        if await run.wrong() != (0, 0):
            raise SystemExit(f"lost and doubled: {await run.wrong()}")
        return count / seconds


async def scaled_down(servers: Servers, count: int, folder: Path) -> tuple[int, int, int]:
    """Lost, doubled, and how many events were under way when the first replica was ended."""
    async with crew(servers, 4, count, _WAIT, folder) as run:
        run.go()
        await run.handled(count // 4)
        left = count - await run.receiver.fetchval("select count(*) from ledger")
        for number, how in enumerate((signal.SIGTERM, signal.SIGKILL, signal.SIGKILL)):
            run.consumers[number].send_signal(how)
            run.relays[number].send_signal(how)
            await run.handled(count // 4 + (number + 1) * count // 8)
        await run.handled(count)
        lost, doubled = await run.wrong()
        return lost, doubled, left


def row(name: str, unit: str, *, value: float, baseline: float, ratio: float, goal: float, ok: bool) -> dict[str, Any]:
    print(f"{name:58}{value:10.0f}{baseline:10.0f}{ratio:7.2f}{goal:7.2f}  {'ok' if ok else 'MISSED'}")
    return {
        "name": name,
        "value": round(value),
        "unit": unit,
        "baseline": round(baseline),
        "ratio": round(ratio, 2),
        "goal": goal,
        "ok": ok,
    }


async def measured(servers: Servers, options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    rows = []
    print(f"{'':58}{'events/s':>10}{'of one':>10}{'ratio':>7}{'goal':>7}")
    for words, wait, count, goals in (
        ("handlers that only insert", 0.0, options.events, {2: 0.7, 4: 0.35}),
        ("handlers that wait 20 ms", _WAIT, options.events // 3, {2: 1.4, 4: 1.4}),
    ):
        rounds: list[dict[int, float]] = []
        for turn in range(options.rounds):
            sizes = _SIZES if turn % 2 == 0 else _SIZES[::-1]
            rounds.append({size: await rate(servers, size, count, wait, folder) for size in sizes})
        one = statistics.median(each[1] for each in rounds)
        for size, goal in goals.items():
            ratio = statistics.median(each[size] / each[1] for each in rounds)
            value = statistics.median(each[size] for each in rounds)
            name = f"{size} replicas, {words}"
            rows.append(row(name, "events/s", value=value, baseline=one, ratio=ratio, goal=goal, ok=ratio >= goal))
    lost, doubled, left = await scaled_down(servers, options.events // 3, folder)
    name = f"4 replicas become 1 with {left} events to go: lost, doubled"
    rows.append(row(name, "events", value=lost + doubled, baseline=0, ratio=0, goal=0, ok=lost == doubled == 0))
    return rows


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("build/bench/scale-out.json"))
    options = parser.parse_args()
    configure("bench", "warning", sys.stderr)
    folder = Path(tempfile.mkdtemp(prefix="s4-bench-"))
    servers = start(folder)
    try:
        rows = await measured(servers, options, folder)
    finally:
        servers.rabbit.stop()
        servers.postgres.stop()
        servers.postgres.remove()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{os.cpu_count()} processors, load of the machine {os.getloadavg()[0]:.1f}")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0 if all(each["ok"] for each in rows) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
