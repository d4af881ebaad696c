"""``python -m s4_notifier serve`` or ``migrate``."""

import os
import sys
from random import SystemRandom

from s4_bus import bus_ready, consume, relay
from s4_notifier.letters import Desk
from s4_notifier.links import Links
from s4_notifier.mailer import Mailer
from s4_notifier.postman import Postman
from s4_notifier.render import Letters
from s4_notifier.returns import Returns, doors
from s4_notifier.rounds import Rounds
from s4_notifier.settings import Settings
from s4_runtime import SystemClock, configure, load, run, serve_probes, start
from s4_store import Pool, migrate, require_migrated


async def serve() -> None:
    """Read events and deliver letters until told to stop."""
    settings, clock = load(Settings, os.environ), SystemClock()
    configure("notifier", settings.log_level)
    async with Pool.open(settings.database_url) as pool:
        await require_migrated(pool, "s4_notifier")
        returns = Returns(settings) if settings.reports_listen else None
        postman = Postman(
            pool,
            links=Links(settings),
            letters=Letters(settings.mail_from, settings.public_url, returns),
            mailer=Mailer(settings),
            clock=clock,
            random=SystemRandom(),
            give_up_after=settings.give_up_after,
            returns=returns,
        )
        await run(
            "notifier",
            consume("notifier", Desk(clock, settings).routes(), pool, settings.amqp_url),
            relay("notifier", pool, settings.amqp_url),
            Rounds(pool, postman, clock, settings.concurrency).forever(),
            serve_probes(settings.probes_listen, bus_ready("notifier", pool)),
            *doors(pool, returns, clock, settings),
        )


async def migrated() -> None:
    """The database has the shape that this release needs."""
    configure("notifier", "info")
    await migrate(load(Settings, os.environ).database_url, "s4_notifier")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            sys.exit(start("notifier", serve()))
        case ["migrate"]:
            sys.exit(start("notifier", migrated()))
        case _:
            sys.exit(__doc__)
