"""``python -m s4_provisioner serve | migrate``; operators type ``s4 grids``, ``s4 hosts`` and others."""

import os
import sys
from random import SystemRandom

from s4_bus import bus_ready, consume, relay
from s4_provisioner import ports
from s4_provisioner.exporting import Exports
from s4_provisioner.http import Furls, application
from s4_provisioner.loops import loops
from s4_provisioner.operator import app as operator
from s4_provisioner.settings import Settings
from s4_provisioner.tools import open_tools
from s4_provisioner.wishes import Wishes
from s4_runtime import SystemClock, configure, load, run, serve, serve_probes, start
from s4_store import Pool, migrate, require_migrated

_NAME, _PACKAGE = "provisioner", "s4_provisioner"


async def _serve(settings: Settings) -> None:
    clock = SystemClock()
    async with Pool.open(settings.database_url) as pool, open_tools(settings, clock, pool) as tools:
        await require_migrated(pool, _PACKAGE)
        grid_ports = ports.read(settings.grid_ports)
        wishes = Wishes(clock, tools.fleet, grid_ports, settings.kept_at_least, settings.erasure_delay)
        await run(
            _NAME,
            consume(_NAME, wishes.routes(), pool, settings.amqp_url),
            relay(_NAME, pool, settings.amqp_url),
            *loops(pool, tools, SystemRandom()),
            serve(application(Furls(pool, tools.seal, settings, clock), Exports(pool, tools)), settings.listen),
            serve(operator.application(pool, tools), settings.operator_listen, name="operator"),
            serve_probes(settings.probes_listen, bus_ready(_NAME, pool)),
        )


async def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    settings = load(Settings, os.environ)
    configure(_NAME, settings.log_level)
    match arguments:
        case ["serve"]:
            await _serve(settings)
        case ["migrate"]:
            print(*await migrate(settings.database_url, _PACKAGE), sep="\n")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(start(_NAME, main(sys.argv[1:])))
