"""A whole shop of the clone, in which each service has replicas."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from signal import SIGTERM

import msgspec

from s4_shop import addresses, control, parts
from s4_shop.folder import StateFolder
from s4_shop.options import Options, default_options
from s4_shop.plan import Part
from s4_shop.shop import Shop, down
from s4_shop.wiring import SERVICES, Wiring
from support.replicas.balancer import Trouble
from support.replicas.release import ROOT, Release
from support.replicas.service import Service
from support.replicas.strategy import Strategy, migrations, strategies

_CONNECTIONS = 600  # sixteen for each of four replicas of six services, and some


class ReplicatedShop:
    """The shop's own parts run without its services; those run here, and end with this."""

    def __init__(self, shop: Shop, order: list[Strategy]) -> None:
        self.shop = shop
        self._order = [strategy.name for strategy in order]
        self.services = {
            strategy.name: Service(shop.folder, strategy, shop.wiring.service(strategy.name))
            for strategy in order
            if strategy.name in SERVICES
        }

    @classmethod
    @asynccontextmanager
    async def open(
        cls, folder: Path, options: Options, release: Release, *, replicas: int, pace: float, of_a_crowd: bool = False
    ) -> AsyncIterator["ReplicatedShop"]:
        """Runs inside the block, and nothing of it afterwards. Machines `of_a_crowd` answer, and run nothing."""
        state = StateFolder(folder)
        try:
            made = cls(
                await _without_services(state, options, of_a_crowd=of_a_crowd),
                [one.paced(pace) for one in strategies()],
            )
            await asyncio.gather(*(service.start(release, replicas) for service in made.services.values()))
            try:
                await asyncio.gather(*(service.ready() for service in made.services.values()))
                yield made
            finally:
                await asyncio.gather(*(service.stop() for service in made.services.values()))
        finally:
            await asyncio.to_thread(down, state, lambda _line: None)

    def forget_troubles(self) -> None:
        """What was before, when nobody was ready yet, does not count."""
        for service in self.services.values():
            for balancer in service.balancers.values():
                balancer.trouble = Trouble()

    def troubles(self) -> dict[str, str]:
        """Connections, to whichever service, that ended as no client should see it; by where it was."""
        return {
            f"{name} {listener}": str(balancer.trouble)
            for name, service in self.services.items()
            for listener, balancer in service.balancers.items()
            if balancer.trouble.total
        }

    async def deploy(self, release: Release) -> None:
        """As `s4 deploy` does it: all migrations, then one service after the other."""
        for name in migrations():
            await asyncio.to_thread(self._migrate, name, release)
        for name in self._order:
            if name in self.services:
                await self.services[name].roll(release)
            else:
                await self.shop.kill(name, SIGTERM)
                await self.shop.until_ready(name)

    async def scale(self, count: int, release: Release) -> None:
        """Each service has so many replicas."""
        await asyncio.gather(*(service.scale(count, release) for service in self.services.values()))

    async def settled(self) -> None:
        """Nobody is ending any more."""
        await asyncio.gather(*(service.settled() for service in self.services.values()))

    def _migrate(self, service: str, release: Release) -> None:
        environment = {"PATH": os.environ["PATH"], **self.shop.wiring.service(service), **release.environment}
        subprocess.run(release.argv(service, "migrate"), env=environment, check=True, capture_output=True)


def shared_hosts(**more: Mapping[str, str]) -> Options:
    """Plain machines, of which one is shared by all grids that the plans on sale lead to."""
    pools = {"shared": {"isolation": "shard", "capacity": 500, "memory_mib": 4000, "grids_per_shard": 50, "warm": 1}}
    fleet = {"S4_FLEET": msgspec.json.encode({"pools": pools, "plans": {}, "otherwise": "shared"}).decode()}
    provisioner = {**fleet, **more.pop("provisioner", {})}
    options = default_options(ROOT, {**os.environ, "SHOP_DRIVER": "sshd"})
    return msgspec.structs.replace(options, durable=False, environment={"provisioner": provisioner, **more})


async def _without_services(folder: StateFolder, options: Options, *, of_a_crowd: bool) -> Shop:
    """Everything but the services is ready; their databases have the tables of this clone's release."""
    folder.create()
    wiring = Wiring(folder, addresses.choose(folder, os.environ), options)
    parts.prepare(wiring)
    planned: list[Part] = [part for part in parts.parts(wiring) if part.name not in SERVICES]
    if of_a_crowd:
        planned = [_crowded(part) for part in planned if part.name != "image"]
    await control.up(folder, planned, lambda _line: None)
    return Shop(folder, wiring, planned, lambda _line: None)


def _crowded(part: Part) -> Part:
    """The emulated cloud with other machines, for which nothing is baked, and a database that has room for replicas."""
    if part.name == "postgres":
        return msgspec.structs.replace(part, argv=[*part.argv, "-c", f"max_connections={_CONNECTIONS}"])
    argv = ["crowd" if before == "--driver" else word for before, word in pairwise(["", *part.argv])]
    return msgspec.structs.replace(part, argv=argv, needs=[name for name in part.needs if name != "image"])
