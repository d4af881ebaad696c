"""python -m s4_web serve | migrate."""

import os
import sys

from s4_bus import bus_ready, consume, relay
from s4_runtime import SystemClock, configure, load, peers, run, serve, serve_probes, start
from s4_store import Pool, migrate, require_migrated
from s4_web.app import build_app
from s4_web.live import Live
from s4_web.service.watch import watch
from s4_web.settings import Settings
from s4_web.site import SITE
from s4_web.streams import as_many_as_allowed
from s4_web.views import routes


async def _serve() -> None:
    settings = load(Settings, os.environ)
    configure("web", settings.log_level)
    as_many_as_allowed()
    async with Pool.open(settings.database_url) as pool, peers() as session:
        await require_migrated(pool, "s4_web")
        live, clock = Live(pool), SystemClock()
        app = build_app(settings, pool, session, clock, live)
        await run(
            "web",
            consume("web", routes(), pool, settings.amqp_url),
            relay("web", pool, settings.amqp_url),
            live.forever(),
            watch(pool, app[SITE].billing, clock),
            serve(app, settings.listen),
            serve_probes(settings.probes_listen, bus_ready("web", pool)),
        )


async def _migrate() -> None:
    settings = load(Settings, os.environ)
    configure("web", settings.log_level)
    await migrate(settings.database_url, "s4_web")


def main(arguments: list[str]) -> int:
    """Do what was asked for; the exit status."""
    commands = {"serve": _serve, "migrate": _migrate}
    if len(arguments) != 1 or arguments[0] not in commands:
        print("usage: python -m s4_web serve | migrate", file=sys.stderr)
        return os.EX_USAGE
    return start("web", commands[arguments[0]]())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
