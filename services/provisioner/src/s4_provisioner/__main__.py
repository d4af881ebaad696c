"""``python -m s4_provisioner serve | migrate | retry GRID | reapply GRID | timeline GRID``."""

import os
import sys
from random import SystemRandom

from s4_bus import bus_ready, consume, relay
from s4_contracts.ids import GridId
from s4_provisioner import lifecycle, moves, ports, store
from s4_provisioner.http import Furls, application
from s4_provisioner.loops import loops
from s4_provisioner.settings import Settings
from s4_provisioner.tools import open_tools
from s4_provisioner.wishes import Wishes
from s4_runtime import SystemClock, configure, is_id, load, run, serve, serve_probes, start
from s4_store import Pool, migrate, require_migrated

_NAME, _PACKAGE = "provisioner", "s4_provisioner"


async def _serve(settings: Settings) -> None:
    clock = SystemClock()
    async with Pool.open(settings.database_url) as pool, open_tools(settings, clock, pool) as tools:
        await require_migrated(pool, _PACKAGE)
        wishes = Wishes(clock, tools.fleet, ports.read(settings.grid_ports), settings.kept_at_least)
        await run(
            _NAME,
            consume(_NAME, wishes.routes(), pool, settings.amqp_url),
            relay(_NAME, pool, settings.amqp_url),
            *loops(pool, tools, SystemRandom()),
            serve(application(Furls(pool, tools.seal, settings, clock)), settings.listen),
            serve_probes(settings.probes_listen, bus_ready(_NAME, pool)),
        )


async def _for_operator(settings: Settings, command: str, grid_id: GridId) -> None:
    async with Pool.open(settings.database_url) as pool:
        if resting := {"retry": lifecycle.Stage.FAILED, "reapply": lifecycle.Stage.READY}.get(command):
            stage = await moves.again(pool, grid_id, resting, SystemClock())
            print(f"due again, in stage {stage.value}" if stage else f"not a {resting.value} grid: nothing changed")
        for row in await store.timeline(pool, grid_id) if command == "timeline" else []:
            print(f"{row['began_at']:%T} {row['step']:12} {row['outcome'] or '...':10} {row['seconds'] or 0:.3f}")


async def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    settings = load(Settings, os.environ)
    configure(_NAME, settings.log_level)
    match arguments:
        case ["serve"]:
            await _serve(settings)
        case ["migrate"]:
            print(*await migrate(settings.database_url, _PACKAGE), sep="\n")
        case [("retry" | "reapply" | "timeline") as command, grid_id] if is_id(grid_id):
            await _for_operator(settings, command, GridId(grid_id))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(start(_NAME, main(sys.argv[1:])))
