"""``python -m s4_support serve`` or ``migrate``."""

import os
import sys

from s4_bus import bus_ready, consume, relay
from s4_runtime import SystemClock, configure, load, run, serve_probes, start
from s4_store import Pool, migrate, require_migrated
from s4_support.desk import Desk
from s4_support.settings import Settings


async def serve() -> None:
    """Write down what happens and show it to operators until told to stop."""
    settings, clock = load(Settings, os.environ), SystemClock()
    configure("support", settings.log_level)
    async with Pool.open(settings.database_url) as pool:
        await require_migrated(pool, "s4_support")
        await run(
            "support",
            consume("support", Desk(clock).routes(), pool, settings.amqp_url),
            relay("support", pool, settings.amqp_url),
            serve_probes(settings.probes_listen, bus_ready("support", pool)),
        )


async def migrated() -> None:
    """The database has the shape that this release needs."""
    configure("support", "info")
    await migrate(load(Settings, os.environ).database_url, "s4_support")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            sys.exit(start("support", serve()))
        case ["migrate"]:
            sys.exit(start("support", migrated()))
        case _:
            sys.exit(__doc__)
