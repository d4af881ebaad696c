"""``python -m s4_support serve`` or ``migrate``."""

import os
import sys

from s4_bus import bus_ready, consume, relay
from s4_runtime import SystemClock, configure, peers, run, serve, serve_probes, start
from s4_store import Pool, migrate, require_migrated
from s4_support.app import build_app
from s4_support.desk import Desk
from s4_support.operator.app import application
from s4_support.operator.tools import tools_of
from s4_support.pruning import Pruning
from s4_support.settings import read


async def served() -> None:
    """Write down what happens and show it to operators until told to stop."""
    settings, clock = read(os.environ), SystemClock()
    configure("support", settings.log_level)
    async with Pool.open(settings.database_url) as pool, peers() as session:
        await require_migrated(pool, "s4_support")
        await run(
            "support",
            consume("support", Desk().routes(), pool, settings.amqp_url),
            relay("support", pool, settings.amqp_url),
            Pruning(pool, settings, clock).forever(),
            serve(build_app(settings, pool, session, clock), settings.listen),
            serve(application(tools_of(settings, pool, session, clock)), settings.operator_listen, name="operator"),
            serve_probes(settings.probes_listen, bus_ready("support", pool)),
        )


async def migrated() -> None:
    """The database has the shape that this release needs."""
    configure("support", "info")
    await migrate(read(os.environ).database_url, "s4_support")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            sys.exit(start("support", served()))
        case ["migrate"]:
            sys.exit(start("support", migrated()))
        case _:
            sys.exit(__doc__)
