"""Sends real clients to grids: seldom to each, at once to those that seem to fail."""

import asyncio
from collections.abc import Mapping

from s4_provisioner import news, store
from s4_provisioner.grids import Grid, present
from s4_provisioner.health import breakers, grid_store, metrics
from s4_provisioner.health.breaker import State
from s4_provisioner.health.grid_store import DueProbe
from s4_provisioner.health.mending import Mending
from s4_provisioner.health.run import Seldom
from s4_provisioner.lifecycle import Stage
from s4_provisioner.outcome import Done
from s4_provisioner.probe import ProbeMissing
from s4_provisioner.steps import STEPS, Step
from s4_provisioner.tools import Tools
from s4_runtime import Permanent, Temporary, context, get_logger
from s4_store import Pool

_LATE = "not-ready-in-time"


class Probing:
    """Any number of these may run: each takes other grids. The proof is the one by which a grid became ready."""

    def __init__(self, pool: Pool, tools: Tools, steps: Mapping[Stage, Step] = STEPS) -> None:
        self._pool, self._tools, self._prove = pool, tools, steps[Stage.PROOF]
        self._settings, self._clock = tools.settings, tools.clock
        self._mending, self._showing = Mending(pool, tools), Seldom(tools.clock)

    async def round(self) -> bool:
        """A few grids that were due were tried; whether there may be more."""
        again = 2 * self._settings.probe_limit
        due = await grid_store.claim_probes(self._pool, self._settings.probes_at_once, again, self._clock.now())
        regions = {each.region: await breakers.state_of(self._pool, each.region) for each in due}
        tried: set[str] = set()
        chosen: list[DueProbe] = []
        for each in due:
            # A bad host decides for its grids; where nothing may be done, one at a time shows when that is over.
            if each.host_is_bad or (regions[each.region] is State.OPEN and each.region in tried):
                await self._put_off(each)
            else:
                tried.add(each.region)
                chosen.append(each)
        await asyncio.gather(*(self._try(each) for each in chosen))
        if self._showing.is_due():
            await self._show()
        return bool(due)

    async def _show(self) -> None:
        metrics.GRIDS_UNMENDED.clear()
        for code, count in (await grid_store.unmended(self._pool)).items():
            metrics.GRIDS_UNMENDED.labels(code).set(count)

    async def _put_off(self, due: DueProbe) -> None:
        async with self._pool.transaction() as tx:
            await grid_store.put_off(tx, due.id, self._settings.breaker_calm, self._clock.now())

    async def _try(self, due: DueProbe) -> None:
        grid = present(await store.grid(self._pool, due.id))
        with context.bound(context.from_headers(grid.story)):
            if grid.stage is not Stage.READY:
                await self._mending.mend(grid, _LATE)
            elif due.failing_since is None and self._was_just_proved(grid):
                await self._proved(grid, Done())
            else:
                await self._send(grid)

    def _was_just_proved(self, grid: Grid) -> bool:
        """Whether a client has used the grid since it is where it is, and lately."""
        return grid.proved_at is not None and self._clock.now() - grid.proved_at < self._settings.probe_every / 2

    async def _send(self, grid: Grid) -> None:
        try:
            outcome = await self._prove(grid, self._tools)
        except ProbeMissing as trouble:
            get_logger().error("probe.missing", trouble=str(trouble))
            return
        except Permanent as trouble:
            await self._cannot_tell(grid, trouble.code)
            return
        except Temporary as trouble:
            await self._not_proved(grid, trouble.code)
            return
        if isinstance(outcome, Done):
            await self._proved(grid, outcome)
        else:
            await self._not_proved(grid, "machine-gone")

    async def _proved(self, grid: Grid, outcome: Done) -> None:
        """On record, and told if the client has stored something now; in a full grid it could not."""
        now = self._clock.now()
        async with self._pool.transaction() as tx:
            await outcome.apply(tx)
            await grid_store.proved(tx, grid.id, self._settings.probe_every, now)
            proved = present(await store.grid(tx, grid.id))
            if proved.proved_at != grid.proved_at:
                await news.tell_proved(tx, proved, now)
        metrics.GRID_PROBES.labels("proved").inc()

    async def _cannot_tell(self, grid: Grid, code: str) -> None:
        """Something on our side keeps the client from trying: nothing of the grid is touched for that."""
        async with self._pool.transaction() as tx:
            await grid_store.put_off(tx, grid.id, self._settings.mend_limit, self._clock.now())
            is_news = await grid_store.leave(tx, grid.id, code)
        if is_news:
            get_logger().error("grid.unmended", grid=grid.id, why=code)

    async def _not_proved(self, grid: Grid, code: str) -> None:
        metrics.GRID_PROBES.labels(code).inc()
        get_logger().warning("grid.not-proved", grid=grid.id, code=code)
        now, region = self._clock.now(), present(grid.host).region
        async with self._pool.transaction() as tx:
            await grid_store.not_proved(tx, grid.id, code, self._settings.failing_look_every, now)
        await breakers.judge(self._pool, region, self._settings, now)
        await self._mending.mend(grid, code)
