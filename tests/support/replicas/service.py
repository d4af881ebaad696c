"""One service with its replicas: a Deployment that scales and rolls, and a Service that leads to who is ready."""

import asyncio
import itertools
from collections.abc import Coroutine, Mapping
from typing import Any

import aiohttp

from s4_shop.folder import StateFolder
from support.replicas.balancer import Balancer
from support.replicas.release import Release
from support.replicas.replica import Replica
from support.replicas.strategy import Strategy
from support.waiting import until

_LOOK = 0.1  # seconds between two looks of a controller
_PATIENCE = 90.0  # seconds until a replica is ready, on a busy machine
_NUMBERS = itertools.count(1)


class Service:
    """Replicas behind a balancer for each address that the service is told to listen on."""

    def __init__(self, folder: StateFolder, strategy: Strategy, environment: Mapping[str, str]) -> None:
        self.strategy = strategy
        self.replicas: list[Replica] = []
        self.balancers = {
            name: Balancer(int(told.rpartition(":")[2]))
            for name, told in environment.items()
            if name.endswith("LISTEN") and name != "S4_PROBES_LISTEN"
        }
        self.ended: list[Replica] = []
        self._folder = folder
        self._environment = dict(environment)
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    @property
    def name(self) -> str:
        return self.strategy.name

    @property
    def session(self) -> aiohttp.ClientSession:
        assert self._session is not None
        return self._session

    async def start(self, release: Release, count: int) -> None:
        """So many replicas are ready."""
        self._session = aiohttp.ClientSession()
        for balancer in self.balancers.values():
            await balancer.start()
        self._begin(self._follow())
        for _ in range(count):
            self._more(release)

    async def ready(self) -> None:
        """All that are there are ready, and the balancer knows."""
        await until(self._are_ready, within=_PATIENCE, what=f"{self.name} is ready")
        await asyncio.sleep(self.strategy.propagation + 2 * _LOOK)

    async def stop(self) -> None:
        """Nothing of it runs."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(replica.told(within=20) for replica in self.replicas))
        for balancer in self.balancers.values():
            await balancer.stop()
        await self.session.close()

    async def roll(self, release: Release) -> None:
        """Every replica is of this release. As a Deployment's controller does it; pods may still be ending after it."""
        wanted, most = len(self.replicas), len(self.replicas) + self.strategy.surge
        least = wanted - self.strategy.unavailable
        while True:
            living = [replica for replica in self.replicas if not replica.is_ending]
            new = [replica for replica in living if replica.release == release]
            old = [replica for replica in living if replica.release != release]
            if not old and len(new) == wanted and all(replica.is_available for replica in new):
                return
            for _ in range(min(wanted - len(new), most - len(living))):
                self._more(release)
            spare = sum(replica.is_available for replica in living) - least
            for replica in old[: max(0, spare)]:
                self._end(replica)
            await asyncio.sleep(_LOOK)

    async def scale(self, count: int, release: Release) -> None:
        """So many replicas from now on; those that are too many are ending, new ones are ready."""
        for replica in self.replicas[count:]:
            if not replica.is_ending:
                self._end(replica)
        for _ in range(count - len(self.replicas)):
            self._more(release)
        await self.ready()

    async def settled(self) -> None:
        """Nobody is ending any more."""
        await until(lambda: all(not one.is_ending for one in self.replicas), within=_PATIENCE, what="all have ended")

    async def revisions(self) -> list[str]:
        """What each replica says that it is of."""
        return [await replica.revision(self.session) for replica in self.replicas]

    def _more(self, release: Release) -> None:
        replica = Replica(self.strategy, release, next(_NUMBERS), self._environment)
        replica.start(self._folder)
        self.replicas.append(replica)
        self._begin(replica.look(self.session))

    def _end(self, replica: Replica) -> None:
        replica.is_ending = True
        self._begin(self._ending(replica))

    def lose(self, replica: Replica) -> None:
        """It is gone without a word, as with its node."""
        replica.kill()
        self._end(replica)

    async def _ending(self, replica: Replica) -> None:
        await replica.end()
        self.replicas.remove(replica)
        self.ended.append(replica)

    async def _follow(self) -> None:
        """Who is ready and not ending gets new connections, a little later than it is so."""
        while True:
            serving = [replica for replica in self.replicas if replica.is_ready and not replica.is_ending]
            self._begin(self._lead_to(serving))
            await asyncio.sleep(_LOOK)

    async def _lead_to(self, serving: list[Replica]) -> None:
        await asyncio.sleep(self.strategy.propagation)
        for name, balancer in self.balancers.items():
            balancer.lead_to(tuple(replica.ports[name] for replica in serving))

    def _are_ready(self) -> bool:
        return all(replica.is_ready for replica in self.replicas if not replica.is_ending)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
