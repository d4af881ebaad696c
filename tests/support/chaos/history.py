"""One history of a deployment, by its seed."""

import asyncio
from datetime import timedelta
from random import Random

from s4_contracts import Event
from s4_provisioner import moves
from s4_provisioner.later import NotPaidYet
from s4_provisioner.lifecycle import Stage
from s4_runtime import Temporary
from support.chaos.news import Customer
from support.chaos.replicas import Replicas
from support.chaos.trouble import Trouble
from support.chaos.truth import Truth
from support.grid_cloud import Cloud
from support.provisioner import Desk
from support.waiting import until

_CALM = 30.0  # seconds, on a machine that has much else to do


class History:
    """Customers, replicas and trouble."""

    def __init__(self, desk: Desk, cloud: Cloud, seed: int) -> None:
        self._desk, self._random = desk, Random(seed)
        self._customers = [Customer(self._random, desk.tools.clock) for _ in range(self._random.randrange(2, 5))]
        self._replicas = Replicas(desk, self._random)
        self._trouble = Trouble(desk, cloud, self._random)
        self.truth = Truth(desk, cloud, self._customers)
        self._seed, self._log = seed, list[str]()

    def report(self) -> str:
        """What happened, in order."""
        return "\n".join([f"seed {self._seed}", *self._log])

    async def happens(self) -> None:
        """Everything is told at some time, in some order, while things go wrong."""
        news = [event for customer in self._customers for event in customer.told]
        self._random.shuffle(news)
        while news:
            self._replicas.start()
            event = news.pop(0)
            if not await self._tell(event):
                news.append(event)
            if self._random.random() < 0.5:
                self._log.append(await self._trouble.happens())
            if self._random.random() < 0.3:
                self._log.append("a replica dies")
                await self._replicas.die()
            if self._random.random() < 0.2:
                by = timedelta(seconds=self._random.choice([1, 30, 300]))
                self._log.append(f"{by} pass")
                await self._desk.pass_time(by)
            await asyncio.sleep(self._random.choice([0, 0, 0.05, 0.3]))

    async def _tell(self, event: Event) -> bool:
        try:
            await self._desk.tell(event)
        except NotPaidYet:
            return False
        self._log.append(f"{type(event).__name__} {getattr(event, 'revision', '')} of {event.signup_id[-4:]}")  # type: ignore[attr-defined]  # all of billing have it
        return True

    async def calms_down(self, after: timedelta) -> None:
        """Faults stop, time passes, and a person tries again what waits for one; then nothing runs any more."""
        await self._trouble.mend()
        self._replicas.start()
        try:
            await self._desk.pass_time(after)
            await until(self._is_calm, within=_CALM, what="all is at rest")
        except AssertionError as stuck:
            raise AssertionError(f"{stuck}\n{await self.truth.unlike()}\n{self.report()}") from None
        finally:
            await self._replicas.stop()

    async def _is_calm(self) -> bool:
        try:
            for grid in await self.truth.failed():
                self._log.append(f"{grid.id[-4:]} failed at {grid.failed_stage}, and is tried again")
                await moves.again(self._desk.pool, grid.id, Stage.FAILED, self._desk.tools.clock)
            return not await self.truth.unlike()
        except Temporary:
            return False
