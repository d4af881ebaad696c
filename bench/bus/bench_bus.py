"""How much of the broker's own speed is left once every event has its effect exactly once.

Ours: rows in an outbox -> relay -> RabbitMQ -> consumer -> inbox and one row of the handler, committed (fsync on).
Bare: aio-pika publishes with confirms, 200 in flight, and another process consumes and acknowledges each message.
Both use the same broker, a quorum queue, persistent messages of the same size, one publishing and one consuming
process, and the same event loop. They take turns, and each run is compared with its neighbour; the median of these
ratios counts, because the machine may be busy with something else for a while. After each run the ledger must hold each
event once.
"""

import argparse
import asyncio
import json
import os
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from s4_shop.ports import free_port
from s4_shop.postgres import PostgresCluster
from s4_shop.rabbitmq import Ports, RabbitNode

_SIDES = Path(__file__).with_name("sides.py")
_GOAL = 0.6
_PATIENCE = 60.0  # seconds for any step of a run


@dataclass(frozen=True)
class Servers:
    """One broker and one database server, both private and durable."""

    postgres: PostgresCluster
    rabbit: RabbitNode


def side(name: str, count: int, log: Path, **urls: str) -> subprocess.Popen[str]:
    """A process that prints a line when it is ready, begins when it is told to, and prints the seconds it took."""
    arguments = [sys.executable, str(_SIDES), name, str(count), str(log), json.dumps(urls)]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603  ours


def race(producer: subprocess.Popen[str], consumer: subprocess.Popen[str], count: int) -> float:
    """Messages per second from the word "go" until the consumer has settled the last of them."""
    try:
        for process in (consumer, producer):
            expect(process, "ready")
        started = time.perf_counter()
        for process in (producer, consumer):
            assert process.stdin is not None  # noqa: S101  piped above
            process.stdin.write("go\n")
            process.stdin.flush()
        expect(consumer, "done")
        return count / (time.perf_counter() - started)
    finally:
        for process in (producer, consumer):
            process.terminate()
            process.wait(timeout=30)


def expect(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None  # noqa: S101  piped above
    readable, _, _ = select.select([process.stdout], [], [], _PATIENCE)
    line = process.stdout.readline().strip() if readable else "nothing"
    if line != word:
        raise SystemExit(f"a side said {line!r} instead of {word!r}")


def bare(servers: Servers, count: int, folder: Path) -> float:
    amqp, queue = servers.rabbit.amqp_url(), f"bare.{uuid.uuid4().hex[:8]}"
    consumer = side("bare-consumer", count, folder / "bare-consumer.log", amqp=amqp, queue=queue)
    producer = side("bare-producer", count, folder / "bare-producer.log", amqp=amqp, queue=queue)
    return race(producer, consumer, count)


async def ours(servers: Servers, count: int, folder: Path) -> float:
    names = [f"{part}_{uuid.uuid4().hex[:8]}" for part in ("producer", "consumer")]
    for name in names:
        servers.postgres.run(f"create database {name}")
    databases = [servers.postgres.url(name) for name in names]
    urls = {"amqp": servers.rabbit.amqp_url()}
    fill = side("fill", count, folder / "fill.log", database=databases[0], **urls)
    expect(fill, "done")
    fill.wait()
    servers.postgres.run("checkpoint")
    consumer = side("consumer", count, folder / "consumer.log", database=databases[1], **urls)
    producer = side("relay", count, folder / "relay.log", database=databases[0], **urls)
    rate = await asyncio.to_thread(race, producer, consumer, count)
    await check_ledger(databases, count)
    for name in names:
        servers.postgres.run(f"drop database {name} with (force)")
    return rate


async def check_ledger(databases: list[str], count: int) -> None:
    """Each event of the outbox had its effect, and had it once."""
    connections = [await asyncpg.connect(url) for url in databases]
    try:
        sent = await connections[0].fetch("select body->>'account_id' as id from outbox order by 1")
        had = await connections[1].fetch("select account_id as id from ledger order by 1")
    finally:
        for connection in connections:
            await connection.close()
    if len(sent) != count or [row["id"] for row in sent] != [row["id"] for row in had]:
        raise SystemExit(f"the ledger is wrong: {len(sent)} events, {len(had)} effects")


def start(folder: Path) -> Servers:
    folder.chmod(0o711)
    postgres = PostgresCluster(folder=folder / "postgres", port=free_port(), user="s4", password="bench")  # noqa: S106
    rabbit = RabbitNode(folder=folder / "rabbit", ports=Ports.free(), user="s4", password="bench")  # noqa: S106
    postgres.start()
    rabbit.start()
    if postgres.run("show fsync") != "on" or postgres.run("show synchronous_commit") != "on":
        raise SystemExit("the database is not durable")
    return Servers(postgres, rabbit)


def report(bare_rates: list[float], our_rates: list[float], output: Path) -> bool:
    ratios = [mine / theirs for mine, theirs in zip(our_rates, bare_rates, strict=True)]
    baseline, value, ratio = map(statistics.median, (bare_rates, our_rates, ratios))
    result = {
        "name": "exactly once, outbox to committed handler",
        "value": round(value),
        "unit": "events/s",
        "baseline": round(baseline),
        "ratio": round(ratio, 2),
        "goal": _GOAL,
        "ok": ratio >= _GOAL,
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps([result], indent=2) + "\n", encoding="utf-8")
    print(f"{'':42}{'ours':>8}{'bare':>8}{'ratio':>7}{'goal':>6}")
    print(
        f"{result['name']:42}{value:8.0f}{baseline:8.0f}{ratio:7.2f}{_GOAL:6.2f}  {'ok' if result['ok'] else 'MISSED'}"
    )
    print("each run:", *(f"{a:.0f}/{b:.0f}" for a, b in zip(our_rates, bare_rates, strict=True)))
    print("ratios:", *(f"{each:.2f}" for each in sorted(ratios)), f"(load of the machine {os.getloadavg()[0]:.1f})")
    return bool(result["ok"])


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path("build/bench/bus.json"))
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="s4-bench-"))
    servers = start(folder)
    bare_rates, our_rates = [], []
    try:
        for turn in range(options.rounds):
            if turn % 2:
                our_rates.append(await ours(servers, options.events, folder))
            bare_rates.append(await asyncio.to_thread(bare, servers, options.events, folder))
            if not turn % 2:
                our_rates.append(await ours(servers, options.events, folder))
    finally:
        servers.rabbit.stop()
        servers.postgres.stop()
        servers.postgres.remove()
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if report(bare_rates, our_rates, options.output) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
