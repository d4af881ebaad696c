"""From the news of a payment to the furl: with a host that stands ready, and beside it with one that boots cold.

The provisioner's own loops run in this process, with its usual settings, against the local cloud: machines are those of
the local run (containers with systemd as root, plain sshd otherwise), a payment is one delivery, and the furl is issued
once a real Tahoe-LAFS client has stored a file through the grid and read it back. Payments come one after the other,
with and without a ready host in turns, each when one stands ready again. What is not the machine's boot, the node's
start or the proof is our own overhead.
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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from random import SystemRandom
from typing import Any

import structlog

from s4_provisioner import store
from s4_provisioner.lifecycle import Stage
from s4_provisioner.loops import loops
from s4_shop.demo.timeline import shares
from s4_store import migrate

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.billing.crowded import postgres  # noqa: E402  the path is set above

from support.fleets import a_fleet, standing  # noqa: E402
from support.grid_cloud import KEYS, Cloud, baked, local_cloud  # noqa: E402
from support.provisioner import Desk, a_desk, a_payment, real_probe  # noqa: E402
from support.waiting import until  # noqa: E402

GOAL_SECONDS, GOAL_OVERHEAD_SECONDS = 8.0, 1.0
_LONGEST = 180.0
_USUAL = {
    "lease": timedelta(seconds=15),
    "poll": timedelta(milliseconds=250),
    "retry_base": timedelta(seconds=2),
    "retry_cap": timedelta(minutes=5),
}
Run = dict[str, float]


@asynccontextmanager
async def serving(desk: Desk) -> AsyncIterator[None]:
    """All that the provisioner does by itself is done."""
    running = [asyncio.create_task(each) for each in loops(desk.pool, desk.tools, SystemRandom())]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def is_full(desk: Desk, warm: int) -> None:
    """As many hosts stand ready as should."""

    async def are_ready() -> bool:
        return (await standing(desk.pool, "alone"))["ready"] >= warm

    await until(are_ready, within=_LONGEST, what="the pool is full", pause=0.1)


async def one(desk: Desk, plan: str) -> Run:
    """The seconds of one payment, by whose they are."""
    began = time.monotonic()
    grid_id = await desk.pay(a_payment(plan=plan))
    async with asyncio.timeout(_LONGEST):
        while (grid := await desk.grid(grid_id)).stage is not Stage.READY:
            if grid.stage is Stage.FAILED:
                raise SystemExit(f"a grid failed: {await desk.steps(grid_id)}")
            await asyncio.sleep(0.01)
    total = time.monotonic() - began
    steps = {row["step"]: row["seconds"] for row in await store.timeline(desk.pool, grid_id)}
    return {"paid to furl": total, **shares(steps, total)}


async def some(database: str, cloud: Cloud, warm: int, cold: int) -> tuple[list[Run], list[Run]]:
    """So many of each kind, in turns, one after the other."""
    await migrate(database, "s4_provisioner")
    kind = {"instance_type": "t3.small"}
    fleet = a_fleet(alone={**kind, "warm": 1}, cold=kind, plans={"waits": "cold"})
    runs: tuple[list[Run], list[Run]] = [], []
    async with a_desk(database, cloud, fleet=fleet, probe_command=real_probe(cloud), **_USUAL) as desk, serving(desk):
        for number in range(warm):
            await is_full(desk, 1)
            runs[0].append(await one(desk, "personal"))
            if len(runs[1]) * warm < cold * (number + 1):
                await is_full(desk, 1)
                runs[1].append(await one(desk, "waits"))
    return runs


def at(part: float, values: list[float]) -> float:
    """The value below which this part of the values is."""
    return (
        statistics.quantiles(values, n=100, method="inclusive")[round(part * 100) - 1] if len(values) > 1 else values[0]
    )


def figures(warm: list[Run], cold: list[Run]) -> list[dict[str, Any]]:
    """The table: each share beside what it is with a host that boots cold."""
    goals = {("paid to furl", 0.95): GOAL_SECONDS, ("our own overhead", 0.95): GOAL_OVERHEAD_SECONDS}
    rows = []
    for name in warm[0]:
        for part in (0.5, 0.95):
            value, other = (at(part, [run[name] for run in runs]) for runs in (warm, cold))
            goal = goals.get((name, part))
            rows.append(
                {
                    "name": f"{name}, p{part:.0%}".rstrip("%") + f" of {len(warm)} from a warm pool",
                    "value": round(value, 2),
                    "unit": "s",
                    "baseline": round(other, 2),
                    "ratio": round(value / other, 3) if other else None,
                    "goal": goal,
                    "ok": None if goal is None else value <= goal,
                }
            )
    return rows


def main() -> int:
    """Print the table and write build/bench/paid-to-furl.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--warm", type=int, default=20, help="payments that find a host ready")
    parser.add_argument("--cold", type=int, default=5, help="payments that have to wait for one")
    parser.add_argument("--driver", choices=["nspawn", "sshd"], default="nspawn" if os.geteuid() == 0 else "sshd")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    os.environ.update(KEYS)
    image = baked()
    if asked.driver == "nspawn":
        bake = [sys.executable, "-m", "s4_devcloud", "image", "--kind", "nspawn"]
        arguments = ["--output", str(image.folder), "--node", str(ROOT / "libs/node")]
        subprocess.run([*bake, *arguments], check=True)  # noqa: S603  our own program
    with (
        tempfile.TemporaryDirectory(prefix="s4-bench-") as folder,
        postgres() as cluster,
        local_cloud(Path(folder), image, asked.driver) as cloud,
    ):
        cluster.run("create database provisioner")
        found = asyncio.run(some(cluster.url("provisioner"), cloud, asked.warm, asked.cold))
    table = figures(*found)
    target = ROOT / "build/bench/paid-to-furl.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(table, indent=2) + "\n")
    load = os.getloadavg()[0]
    print(f"  machines by {asked.driver}; {asked.cold} cold ones beside; load {load:.1f}")
    for row in table:
        goal = "" if row["goal"] is None else f"goal <= {row['goal']} {'met' if row['ok'] else 'MISSED'}"
        print(f"  {row['name']:<60}{row['value']:>7} s   cold {row['baseline']:>7} s   {goal}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
