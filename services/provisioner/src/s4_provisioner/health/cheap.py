"""Sees whether the storage servers of grids that are due are there: one TLS handshake each."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from s4_contracts.ids import GridId
from s4_provisioner import store
from s4_provisioner.grids import present
from s4_provisioner.health import breakers, grid_store, metrics
from s4_provisioner.health.greeting import Greeting, anybody, greet, storage_tub
from s4_provisioner.health.grid_store import Due
from s4_provisioner.health.run import Seldom
from s4_provisioner.tools import Tools
from s4_runtime import Permanent, get_logger
from s4_store import Pool

_BATCH = 500
Greet = Callable[[str, int, str, ssl.SSLContext], Awaitable[Greeting]]


class CheapLooks:
    """Any number of these may run: each takes other grids."""

    def __init__(self, pool: Pool, tools: Tools, greeting: Greet = greet) -> None:
        self._pool, self._tools, self._greet = pool, tools, greeting
        self._settings, self._clock = tools.settings, tools.clock
        self._showing = Seldom(tools.clock)
        self._turns, self._context = asyncio.Semaphore(tools.settings.looks_at_once), anybody()

    async def round(self) -> bool:
        """The grids that were due were looked at; whether there may be more."""
        settings = self._settings
        due = await grid_store.claim(
            self._pool, _BATCH, settings.grid_look_every, settings.failing_look_every, self._clock.now()
        )
        greetings = await asyncio.gather(*(self._look(each) for each in due))
        found = dict(zip((each.id for each in due), greetings, strict=True))
        await self._keep(due, [each for each in due if found[each.id] != "there"])
        for greeting in greetings:
            metrics.GRID_LOOKS.labels(greeting).inc()
        if self._showing.is_due():
            metrics.GRIDS_FAILING.set(await grid_store.failing(self._pool))
        return len(due) == _BATCH

    async def _keep(self, due: list[Due], failed: list[Due]) -> None:
        """What was found is on record; where it is bad, the grids' hosts are looked at, too."""
        now, bad = self._clock.now(), {each.id for each in failed}
        async with self._pool.transaction() as tx:
            again = [each.id for each in due if each.id not in bad and (each.failed_looks or each.failing_since)]
            if again:
                await grid_store.answered(tx, again)
            if bad:
                await grid_store.failed(tx, sorted(bad), self._settings.failing_look_every, now)
                await grid_store.look_at_host(tx, sorted({each.host_id for each in failed}), now)
        for region in sorted({each.region for each in failed}):
            await breakers.judge(self._pool, region, self._settings, now)

    async def _look(self, due: Due) -> Greeting:
        tub = due.storage_tub or await self._learn(due.id)
        where = str(due.address) if due.address else due.dns_name
        if tub is None or where is None:
            return "silent"
        async with self._turns:
            greeting = await self._greet(where, due.port + 1, tub, self._context)
        if greeting != "there" and due.failed_looks == 0:
            get_logger().warning("grid.not-there", grid=due.id, found=greeting)
        return greeting

    async def _learn(self, grid_id: GridId) -> str | None:
        """Which certificate the grid must show: opened from the seal once, and kept."""
        grid = present(await store.grid(self._pool, grid_id))
        try:
            tub = storage_tub(grid, self._tools.seal)
        except Permanent as trouble:
            get_logger().error("grid.identity-unreadable", grid=grid_id, trouble=str(trouble))
            return None
        async with self._pool.transaction() as tx:
            await grid_store.keep_tub(tx, grid_id, tub)
        return tub
