"""5,000 deliveries to billing's webhook, shuffled and tripled, about 500 customers.

Accepted: signature checked, event stored durably, 200 answered. Handled: for each event billing has looked at Stripe
and its rows and its news say what that means. Beside them, in the same run and against the same database (fsync on),
what the insert alone would cost: as many `insert ... on conflict do nothing`, each a transaction of its own, over as
many connections. Afterwards every customer's rows are compared with Stripe, and the news are counted.
"""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

import asyncpg
import msgspec
import structlog
import uvloop

from s4_billing.service import Service
from s4_contracts.billing import SignupPaid, SubscriptionRenewed
from s4_runtime import SystemClock
from s4_shop.ports import free_port
from s4_store import migrate
from s4_store.testing import emitted

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.billing.crowded import figure, month, postgres, report, side  # noqa: E402  the path is set above

from support.billing_service import same, settings_for  # noqa: E402
from support.histories.crowd import Member, known  # noqa: E402
from support.histories.letters import post, signed, thrice  # noqa: E402
from support.stripe_double import StripeDouble  # noqa: E402
from support.waiting import until  # noqa: E402

AT_ONCE = 16
PATIENCE = 600.0


async def bare(database: str, ids: list[str]) -> float:
    """Inserts a second of nothing but the insert."""
    columns = "id text primary key, type text, object_type text, object_id text, happened_at timestamptz"
    sql = "insert into bare values ($1, $2, $3, $4, now()) on conflict do nothing"
    waiting = iter(ids)
    async with asyncpg.create_pool(database, min_size=AT_ONCE, max_size=AT_ONCE) as pool:
        await pool.execute(f"create table bare ({columns})")

        async def clerk() -> None:
            for each in waiting:
                await pool.execute(sql, each, "invoice.paid", "invoice", each)

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(clerk())
        return len(ids) / (time.perf_counter() - began)


async def deliver(database: str, url: str, events: list[dict[str, Any]], count: int) -> tuple[float, float, int]:
    """Deliveries accepted a second, and handled a second until nothing is left; how many different ones there were."""
    chosen = thrice(events, count, Random(1))  # noqa: S311  an order, not a secret
    letters = [signed(event) for event in chosen]
    pool = await asyncpg.create_pool(database, min_size=1, max_size=1)
    began = time.perf_counter()
    answers = await post(url, letters, AT_ONCE)
    accepted = time.perf_counter() - began
    if Counter(answers) != {200: count}:
        raise SystemExit(f"answers: {Counter(answers)}")

    async def is_done() -> bool:
        return not await pool.fetchval("select exists (select from stripe_event where state = 'new')")

    await until(is_done, within=PATIENCE, what="every event is handled")
    handled = time.perf_counter() - began
    await pool.close()
    return count / accepted, count / handled, len({event["id"] for event in chosen})


async def check(service: Service, members: list[Member]) -> None:
    """Every row is as Stripe says, and everything was told once."""
    for each in members:
        if await service.sync.differences(each.account):
            raise SystemExit(f"{each.account} is not as Stripe says")
    told = Counter(type(event) for event in await emitted(service.pool))
    if told != {SignupPaid: len(members), SubscriptionRenewed: len(members)}:
        raise SystemExit(f"told: {told}")


async def measure(count: int, database: str, folder: Path, api: str) -> list[dict[str, Any]]:
    members = [msgspec.json.decode(line, type=Member) for line in (folder / "crowd").read_bytes().splitlines()]
    events = [json.loads(line) for line in (folder / "crowd.events").read_text(encoding="utf-8").splitlines()]
    await migrate(database, "s4_billing")
    listen = f"127.0.0.1:{free_port()}"
    settings = same(settings_for(database, StripeDouble(api, ""), 1, folder), stripe_calls_per_second=1e6)
    async with Service.open(settings, SystemClock(), SystemRandom()) as service:
        await known(service.pool, SystemClock(), members)
        insert = await bare(database, [str(number) for number in range(count)])
        with side("billing", database, listen, api, str(folder)):
            accepted, handled, different = await deliver(database, f"http://{listen}/stripe/events", events, count)
        await check(service, members)
    name = f"{count} deliveries of {different} events, {len(members)} customers"
    return [
        figure(f"{name}: accepted", accepted, "/s", baseline=insert),
        figure(f"{name}: handled", handled, "/s", baseline=insert),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=500)
    parser.add_argument("--deliveries", type=int, default=5000)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    listen = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as name, postgres() as cluster:
        folder = Path(name)
        with side("stripe", str(options.customers), str(month()), listen, str(folder / "crowd")):
            cluster.run("create database billing")
            measuring = measure(options.deliveries, cluster.url("billing"), folder, f"http://{listen}")
            figures = uvloop.run(measuring)
    return report("billing-webhooks", figures)


if __name__ == "__main__":
    sys.exit(main())
