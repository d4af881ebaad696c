"""Many grids: a thousand provisionings at once in one replica, and a hundred thousand grids at rest in three.

Provisionings run against the emulated AWS (machines of a crowd, every call 50 ms late, throttled at the rates that AWS
documents times --share) by the service's own loops in this process; in place of the client, somebody takes connections
at the furl. At rest the rows are inserted as they are after days; three processes run all loops over one PostgreSQL;
hosts and grids answer at once and well, and what would be asked of AWS and of machines is counted. One of the three is
killed in the middle. An hour is extrapolated from what was counted while all three ran.
"""

import argparse
import asyncio
import json
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import SystemRandom
from typing import Any

import msgspec
import structlog

from s4_aws.rates import rate_of
from s4_provisioner.loops import loops
from s4_store import Pool, migrate

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.billing.crowded import figure, postgres, report  # noqa: E402  the path is set above
from bench.grids.resting import resident  # noqa: E402

from support.chaos.replicas import Caller  # noqa: E402
from support.fleets import a_fleet  # noqa: E402
from support.grid_cloud import KEYS, REGION, Cloud, light, local_cloud  # noqa: E402
from support.provisioner import Desk, a_desk  # noqa: E402
from support.resting_fleet import fill  # noqa: E402

_ACTIONS = {
    "ec2": ("RunInstances", "DescribeInstances", "TerminateInstances", "DescribeImages"),
    "s3": ("CreateBucket", "PutBucketTagging", "PutBucketEncryption", "PutPublicAccessBlock"),
    "sts": ("AssumeRole",),
}
_SHARED = {"isolation": "shard", "capacity": 500, "grids_per_shard": 50, "memory_mib": 2000, "max_age": None}
_USUAL: dict[str, Any] = {
    "lease": timedelta(seconds=15),
    "poll": timedelta(milliseconds=250),
    "retry_base": timedelta(seconds=2),
    "retry_cap": timedelta(minutes=5),
    "grid_ports": "10000-32767",
}


def hold_to_rates(cloud: Cloud, share: float) -> None:
    """The cloud throttles as AWS documents, times the share, and every call takes 50 ms longer."""
    cloud.control("PUT", "/traffic/latency", {"action": "*", "seconds": 0.05})
    for service, actions in _ACTIONS.items():
        for action in actions:
            rate = rate_of(service, action)
            limits = {"per_second": rate.per_second * share, "burst": rate.burst * share}
            cloud.control("PUT", "/traffic/rates", {"action": f"{service}:{action}", **limits})


class Rush(msgspec.Struct, frozen=True):
    """So many payments at once, at this share of AWS's rates, watched for so many seconds at most."""

    count: int
    share: float
    limit: float


async def in_flight(database: str, cloud: Cloud, pool: str, rush: Rush) -> list[dict[str, Any]]:
    """What it takes until each has its furl, or the time is over."""
    count, share = rush.count, rush.share
    await migrate(database, "s4_provisioner")
    hold_to_rates(cloud, max(1.0, share))
    fleet = a_fleet(otherwise=pool, shared=_SHARED)
    async with a_desk(database, cloud, fleet=fleet, aws_share=share, **_USUAL) as desk:
        probe: Any = Caller()
        tools = msgspec.structs.replace(desk.tools, probe=probe)
        cloud.calls()
        running = [asyncio.create_task(each) for each in loops(desk.pool, tools, SystemRandom())]
        began, cpu, before, most = time.monotonic(), time.process_time(), resident(), 0
        await _pay(desk, count)
        told = time.monotonic() - began
        left = count
        while left and time.monotonic() - began < rush.limit:
            await asyncio.sleep(1)
            most = max(most, resident())
            left = await desk.pool.fetchval("select count(*) from grids where stage <> 'ready'")
        took, used = time.monotonic() - began, time.process_time() - cpu
        calls = cloud.control("GET", "/calls")["calls"]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    ready = count - left
    if not ready:
        raise SystemExit(f"no grid is ready after {took:.0f} s")
    name = f"{count:,} in flight, {pool} hosts"
    throttled = sum(each["throttled"] for each in calls.values())
    return [
        figure(f"{name}: payments told within", told, "s"),
        figure(f"{name}: watched for", took, "s"),
        figure(f"{name}: grids ready by then", ready, "grids"),
        figure(f"{name}: own CPU for each that is ready", used / ready * 1000, "ms"),
        figure(f"{name}: memory that the replica grew by", (most - before) / 2**20, "MiB"),
        figure(f"{name}: answers that throttled", throttled, "calls"),
        *(
            figure(f"{name}: {action} for each that is ready", made["calls"] / ready, "calls")
            for action, made in sorted(calls.items(), key=lambda each: -each[1]["calls"])
            if made["calls"] >= ready / 5
        ),
    ]


async def _pay(desk: Desk, count: int) -> None:
    turns = asyncio.Semaphore(8)

    async def one() -> None:
        async with turns:
            await desk.pay()

    await asyncio.gather(*(one() for _ in range(count)))


async def at_rest(database: str, name: str, hosts: int, grids_each: int, seconds: int) -> list[dict[str, Any]]:
    """Three replicas share the fleet; then one of three is killed, and the others have its share."""
    await migrate(database, "s4_provisioner")
    async with Pool.open(database) as pool:
        await fill(pool, name, REGION, hosts=hosts, grids_each=grids_each)
        replicas = [await _replica(database, seconds) for _ in range(3)]
        said = [json.loads((await each.communicate())[0]) for each in replicas]
        overdue = await _overdue(pool)
        survivors = [await _replica(database, seconds // 2) for _ in range(3)]
        await asyncio.sleep(seconds / 4)
        with suppress(ProcessLookupError):
            survivors[0].kill()
        await asyncio.gather(*(each.communicate() for each in survivors))
        after = await _overdue(pool)
    label = f"{hosts * grids_each:,} grids on {hosts:,} hosts"
    calls: Counter[str] = Counter()
    for each in said:
        calls.update(each["calls"])
    for each in said[0]["slowest"]:
        print("   ", each)
    hour = 3600 / seconds
    return [
        *(figure(f"{label}: {each}", made * hour, "per hour") for each, made in sorted(calls.items())),
        figure(f"{label}: CPU of all replicas", sum(each["cpu"] for each in said) * hour, "s/hour"),
        figure(f"{label}: statements", sum(each["statements"] for each in said) * hour, "per hour"),
        figure(f"{label}: time in statements", sum(each["sql_seconds"] for each in said) * hour, "s/hour"),
        figure(f"{label}: memory of a replica", max(each["resident"] for each in said) / 2**20, "MiB"),
        figure(f"{label}: of that, beyond the bench's own", max(each["grown"] for each in said) / 2**20, "MiB"),
        figure(f"{label}: look that was longest overdue", overdue, "s"),
        figure(f"{label}: the same after a replica was killed", after, "s"),
    ]


async def _replica(database: str, seconds: int) -> asyncio.subprocess.Process:
    command = (sys.executable, str(Path(__file__).with_name("resting.py")), database, str(seconds))
    return await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)


async def _overdue(pool: Pool) -> float:
    """Seconds for which a look has been due that nobody has made."""
    found = await pool.fetchval(
        "select extract(epoch from now() - least((select min(look_at) from hosts), (select min(look_at) from grids),"
        " (select min(lend_at) from hosts)))::float8"
    )
    return max(0.0, float(found))


def main() -> int:
    """Print the table and write build/bench/grids_scale.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=int, default=1000, help="grids that come at once on shared hosts")
    parser.add_argument("--dedicated", type=int, default=1000, help="grids that come at once, each on its host")
    parser.add_argument("--share", type=float, default=0.8, help="of AWS's rates, by which dedicated hosts come")
    parser.add_argument("--limit", type=int, default=600, help="seconds after which provisionings are counted")
    parser.add_argument("--resting", type=int, default=100_000, help="grids at rest")
    parser.add_argument("--seconds", type=int, default=60, help="for which these are watched")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    os.environ.update(KEYS)
    table: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder, postgres() as cluster:
        for name, count, share in (("shared", asked.shared, 0.8), ("alone", asked.dedicated, asked.share)):
            if count:
                state = Path(folder) / name
                state.mkdir()
                cluster.run(f"create database {name}")
                with local_cloud(state, light(state / "image"), "crowd") as cloud:
                    table += asyncio.run(in_flight(cluster.url(name), cloud, name, Rush(count, share, asked.limit)))
        for name, each in (("shared", 500), ("alone", 1)):
            if asked.resting:
                cluster.run(f"create database resting_{name}")
                hosts = asked.resting // each
                table += asyncio.run(at_rest(cluster.url(f"resting_{name}"), name, hosts, each, asked.seconds))
    return report("grids_scale", table)


if __name__ == "__main__":
    sys.exit(main())
