"""Processes of the benches: Stripe's double with a crowd in it, and billing with its webhook and converger.

`sides.py stripe COUNT AHEAD LISTEN OUTPUT` writes the crowd and its events as JSON lines, and answers on LISTEN.
`sides.py billing DATABASE LISTEN STRIPE FOLDER` takes deliveries and handles them. Both print a line when they are
ready, and end when their input does. `sides.py nightly DATABASE STRIPE FOLDER` looks once and says how that went.
"""

import asyncio
import json
import logging
import sys
from datetime import timedelta
from pathlib import Path
from random import SystemRandom

import msgspec
import structlog
import uvloop

from s4_billing.service import Service
from s4_devcloud.stripe.server import serving
from s4_runtime import SystemClock, serve

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.billing_service import same, settings_for  # noqa: E402  the path is set above
from support.histories.crowd import subscribed  # noqa: E402
from support.histories.inner_stripe import InnerStripe, settings  # noqa: E402
from support.stripe_double import StripeDouble  # noqa: E402

PATIENCE = timedelta(seconds=20)  # as billing has with Stripe


async def ended() -> None:
    """Say that all is ready; return when nobody holds our input any more."""
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)


async def stripe(count: int, ahead: int, listen: str, output: Path) -> None:
    stripe = InnerStripe(settings(listen))
    product = stripe.call("POST", "/v1/products", name="Personal")["id"]
    month = {"recurring[interval]": "month", "currency": "usd", "lookup_key": "s4-personal-monthly-1"}
    price = stripe.call("POST", "/v1/prices", product=product, unit_amount="2500", **month)["id"]
    members = subscribed(stripe, price, count)
    stripe.world.clock.advance(ahead)
    stripe.world.catch_up()
    with output.open("wb") as file:
        file.writelines(msgspec.json.encode(each) + b"\n" for each in members)
    with stripe.world.transaction() as tx:
        events = [json.dumps(event) for event in tx.newest_first("event")]
    output.with_suffix(".events").write_text("\n".join(events), encoding="utf-8")
    async with serving(stripe.world.settings, stripe.world):
        await ended()


async def billing(database: str, listen: str, api: str, folder: Path) -> None:
    chosen = settings_for(database, StripeDouble(api, ""), int(listen.rpartition(":")[2]), folder)
    settings = same(chosen, stripe_calls_per_second=1e6, stripe_timeout=PATIENCE)
    async with Service.open(settings, SystemClock(), SystemRandom()) as service, asyncio.TaskGroup() as group:
        running = [group.create_task(each) for each in (serve(service.app, listen), service.converger.forever())]
        await ended()
        for task in running:
            task.cancel()


async def nightly(database: str, api: str, folder: Path) -> None:
    """In a process that has done nothing else, so that its memory is that of the look."""
    chosen = settings_for(database, StripeDouble(api, ""), 1, folder)
    settings = same(chosen, stripe_timeout=PATIENCE)
    async with Service.open(settings, SystemClock(), SystemRandom()) as service:
        before = held_mib("VmRSS")
        found = await service.everything.look(apply=False)
        more = held_mib("VmHWM") - before
    told = {"compared": found.compared, "drift": len(found.drift), "seconds": found.seconds}
    print(json.dumps({**told, "requests": found.requests, "before": before, "more": more}))


def held_mib(what: str) -> float:
    """What this process holds, or has held at most."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    match sys.argv[1:]:
        case ["stripe", count, ahead, listen, output]:
            uvloop.run(stripe(int(count), int(ahead), listen, Path(output)))
        case ["billing", database, listen, api, folder]:
            uvloop.run(billing(database, listen, api, Path(folder)))
        case ["nightly", database, api, folder]:
            uvloop.run(nightly(database, api, Path(folder)))
        case _:
            sys.exit(__doc__)
