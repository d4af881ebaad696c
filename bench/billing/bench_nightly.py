"""The nightly look at 10,000 subscriptions: time, requests and memory, when nothing differs and when 25 do.

The double runs in a process of its own and holds the crowd; billing's rows are written as if it had sold to each. Then
a fresh process opens billing's parts and does what the service does every night, at the pace of 20 calls a second that
it keeps with Stripe. Memory is the most that this process held, above what it held before the look.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path
from random import SystemRandom
from typing import Any

import msgspec
import structlog

from s4_billing.service import Service
from s4_runtime import SystemClock
from s4_shop.ports import free_port
from s4_store import migrate

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.billing.crowded import figure, postgres, report, said, side  # noqa: E402  the path is set above

from support.billing_service import settings_for  # noqa: E402
from support.histories.crowd import Member, followed, known  # noqa: E402
from support.stripe_double import StripeDouble  # noqa: E402

DIFFERENT = 25


async def fill(database: str, folder: Path, double: StripeDouble) -> list[str]:
    """Billing has sold to all of the crowd; the subscriptions' names."""
    await migrate(database, "s4_billing")
    members = [msgspec.json.decode(line, type=Member) for line in (folder / "crowd").read_bytes().splitlines()]
    settings, clock = settings_for(database, double, free_port(), folder), SystemClock()
    async with Service.open(settings, clock, SystemRandom()) as service:
        await known(service.pool, clock, members)
        await followed(service.pool, clock, service.catalogue, members)
    return [str(each.facts["id"]) for each in members]


def look(count: int, differ: int, database: str, double: StripeDouble, folder: Path) -> list[dict[str, Any]]:
    """One look in a process of its own."""
    found = said("nightly", database, double.api, str(folder))
    if (found["compared"], found["drift"]) != (count, differ):
        raise SystemExit(f"{found['compared']} compared, {found['drift']} differ")
    name = f"nightly, {count} subscriptions, {differ} differ"
    return [
        figure(f"{name}: time", found["seconds"], "s"),
        figure(f"{name}: requests", found["requests"], "requests"),
        figure(f"{name}: memory above {found['before']:.0f} MiB", found["more"], "MiB"),
    ]


async def change(double: StripeDouble, names: list[str]) -> None:
    """Somebody cancels these at Stripe's dashboard, and no webhook comes."""
    for name in names:
        await double.call("POST", f"/v1/subscriptions/{name}", cancel_at_period_end="true")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscriptions", type=int, default=10_000)
    count = parser.parse_args().subscriptions
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    listen = f"127.0.0.1:{free_port()}"
    double = StripeDouble(f"http://{listen}", "")
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as name, postgres() as cluster:
        folder = Path(name)
        with side("stripe", str(count), "0", listen, str(folder / "crowd")):
            cluster.run("create database billing")
            database = cluster.url("billing")
            names = asyncio.run(fill(database, folder, double))
            figures = look(count, 0, database, double, folder)
            asyncio.run(change(double, names[:: max(1, count // DIFFERENT)][:DIFFERENT]))
            figures += look(count, DIFFERENT, database, double, folder)
    return report("billing-nightly", figures)


if __name__ == "__main__":
    sys.exit(main())
