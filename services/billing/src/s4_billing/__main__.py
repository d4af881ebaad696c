"""python -m s4_billing serve | migrate | catalogue check | catalogue push."""

import os
import sys
from random import SystemRandom

from s4_billing import catalogue, provisioning
from s4_billing.service import Service
from s4_billing.settings import read
from s4_bus import bus_ready, consume, relay
from s4_runtime import Permanent, SystemClock, configure, run, serve, serve_probes, start
from s4_store import migrate, require_migrated
from s4_stripe.api import StripeApi


async def run_service() -> None:
    """Serve until told to stop."""
    settings, clock = read(os.environ), SystemClock()
    configure("billing", settings.log_level)
    async with Service.open(settings, clock, SystemRandom()) as service:
        pool = service.pool
        await require_migrated(pool, "s4_billing")
        sql = "billing"
        await run(
            sql,
            consume("billing", provisioning.routes(), pool, settings.amqp_url),
            relay("billing", pool, settings.amqp_url),
            serve(service.app, settings.listen),
            *service.loops(settings, clock),
            serve_probes(settings.probes_listen, service.readiness(bus_ready("billing", pool))),
        )


async def run_migrations() -> None:
    """The database has the shape that this release needs."""
    await migrate(read(os.environ).database_url, "s4_billing")


async def run_catalogue(action: str) -> None:
    """Compare the plans with Stripe, after making what is missing if told to ``push``; say how they differ."""
    settings = read(os.environ)
    async with StripeApi.open(settings.stripe, SystemClock(), SystemRandom()) as api:
        sold = catalogue.Catalogue(catalogue.read(settings.catalogue), api, tax_extra=settings.stripe_tax)
        await (sold.push() if action == "push" else sold.check())
    print("\n".join(f"{plan}: {'; '.join(sold.wrong.get(plan, ['as at Stripe']))}" for plan in sold.plans))
    if not sold.is_open:
        raise Permanent("catalogue-differs", plans=",".join(sold.wrong))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            sys.exit(start("billing", run_service()))
        case ["migrate"]:
            sys.exit(start("billing", run_migrations()))
        case ["catalogue", "check" | "push" as action]:
            sys.exit(start("billing", run_catalogue(action)))
        case _:
            sys.exit(f"usage: {__doc__}")
