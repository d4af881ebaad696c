"""``python -m s4_invites serve`` or ``migrate``."""

import os
import sys
from random import SystemRandom

from s4_bus import bus_ready, consume, relay
from s4_invites.desk import Desk
from s4_invites.http import application
from s4_invites.office import Office
from s4_invites.opening import agent
from s4_invites.sealing import Seal
from s4_invites.settings import Settings
from s4_runtime import SystemClock, configure, load, run, serve, serve_probes, start
from s4_store import Pool, migrate, require_migrated


async def _serve() -> None:
    """Keep invites open and answer web until told to stop."""
    settings, clock, random = load(Settings, os.environ), SystemClock(), SystemRandom()
    configure("invites", settings.log_level)
    seal = Seal(settings.seal_key)
    async with Pool.open(settings.database_url) as pool, agent(pool, seal, settings, clock, random) as holding:
        await require_migrated(pool, "s4_invites")
        await run(
            "invites",
            consume("invites", Desk(clock).routes(), pool, settings.amqp_url),
            relay("invites", pool, settings.amqp_url),
            holding.forever(),
            serve(application(Office(pool, seal, settings, clock, random), settings.service_token), settings.listen),
            serve_probes(settings.probes_listen, bus_ready("invites", pool)),
        )


async def _migrate() -> None:
    """The database has the shape that this release needs."""
    configure("invites", "info")
    await migrate(load(Settings, os.environ).database_url, "s4_invites")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            sys.exit(start("invites", _serve()))
        case ["migrate"]:
            sys.exit(start("invites", _migrate()))
        case _:
            sys.exit(__doc__)
