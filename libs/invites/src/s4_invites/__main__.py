"""``python -m s4_invites serve`` or ``migrate``."""

import os
import sys

from s4_bus import bus_ready, consume, relay
from s4_invites.desk import Desk
from s4_invites.settings import Settings
from s4_runtime import SystemClock, configure, load, run, serve_probes, start
from s4_store import Pool, migrate, require_migrated


async def serve() -> None:
    """Keep invites open and answer web until told to stop."""
    settings, clock = load(Settings, os.environ), SystemClock()
    configure("invites", settings.log_level)
    async with Pool.open(settings.database_url) as pool:
        await require_migrated(pool, "s4_invites")
        await run(
            "invites",
            consume("invites", Desk(clock).routes(), pool, settings.amqp_url),
            relay("invites", pool, settings.amqp_url),
            serve_probes(settings.probes_listen, bus_ready("invites", pool)),
        )


async def migrated() -> None:
    """The database has the shape that this release needs."""
    configure("invites", "info")
    await migrate(load(Settings, os.environ).database_url, "s4_invites")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            sys.exit(start("invites", serve()))
        case ["migrate"]:
            sys.exit(start("invites", migrated()))
        case _:
            sys.exit(__doc__)
