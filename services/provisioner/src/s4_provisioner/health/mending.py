"""Does what helps a failing grid: by its wishes, so that who works on it meanwhile drops what he does."""

from typing import assert_never

from s4_contracts.ids import GridId
from s4_provisioner import lending, moves, store
from s4_provisioner.drivers.contract import HostReport, HostSilent, StrangeHost
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.grids import Grid, present
from s4_provisioner.health import breakers, grid_store, metrics
from s4_provisioner.health.remedy import LeaveToHost, Lend, Move, NoRemedy, Remedy, Signs, TellAnew, remedy
from s4_provisioner.lifecycle import Wanted
from s4_provisioner.tools import Tools
from s4_runtime import Permanent, Temporary, context, get_logger
from s4_store import Pool, Transaction


class Mending:
    """What follows from a probe that failed."""

    def __init__(self, pool: Pool, tools: Tools) -> None:
        self._pool, self._tools = pool, tools
        self._clock, self._settings = tools.clock, tools.settings

    async def mend(self, grid: Grid, probe_code: str) -> None:
        """The host is asked how it is and how the grid is, and what helps is done, unless the region is ill."""
        host = grid.host
        if host is None or grid.aim is not Wanted.READY:
            return
        report = await self._ask(host)
        async with self._pool.transaction() as tx:
            signs = Signs(
                probe_code=probe_code,
                host_is_bad=report is None or await _is_bad(tx, host),
                told=report.grids.get(grid.id) if report else None,
                mends=await grid_store.mends(tx, grid.id, self._clock.now()),
            )
            chosen = remedy(signs, self._settings.mends_per_hour)
            is_done = await self._do(tx, grid, host, chosen)
        if is_done:
            self._tell(grid, chosen, probe_code)

    async def _ask(self, host: Host) -> HostReport | None:
        """What the host tells; None when it does not."""
        try:
            return await self._tools.driver(host).report(host)
        except (HostSilent, StrangeHost):
            return None
        except (Temporary, Permanent) as trouble:
            get_logger().warning("host.report-failed", host=host.id, trouble=str(trouble))
            return None

    async def _do(self, tx: Transaction, grid: Grid, host: Host, chosen: Remedy) -> bool:
        """Whether anything was done."""
        now, settings = self._clock.now(), self._settings
        match chosen:
            case LeaveToHost():
                await grid_store.look_at_host(tx, [host.id], now)
                return True
            case Lend():
                await grid_store.put_off(tx, grid.id, settings.mend_limit, now)
                await lending.renew(tx, [grid.id], now)
                return True
            case NoRemedy(code):
                await grid_store.put_off(tx, grid.id, settings.mend_limit, now)
                return await grid_store.leave(tx, grid.id, code)
            case TellAnew() | Move():
                if not await _is_as_loaded(tx, grid) or not await breakers.allows(tx, host.region, settings):
                    return False
                with context.bound(context.from_headers(grid.story)):
                    await self._set_going(tx, grid.id, chosen)
                    await tx.post()
                return True
        assert_never(chosen)

    async def _set_going(self, tx: Transaction, grid_id: GridId, chosen: TellAnew | Move) -> None:
        now = self._clock.now()
        if isinstance(chosen, TellAnew):
            await moves.heed(tx, grid_id, now, anew=True)
            await grid_store.count_mend(tx, grid_id, now, now + self._settings.mend_limit)
        else:
            await moves.relocate(tx, grid_id, now)
            await grid_store.count_mend(tx, grid_id, now, None)

    def _tell(self, grid: Grid, chosen: Remedy, probe_code: str) -> None:
        name = type(chosen).__name__.lower()
        metrics.GRID_MENDS.labels(name, probe_code).inc()
        log = get_logger().bind(grid=grid.id, host=grid.host.id if grid.host else None, code=probe_code)
        if isinstance(chosen, NoRemedy):
            log.error("grid.unmended", why=chosen.code)
        else:
            log.warning("grid.mending", remedy=name)


async def _is_bad(tx: Transaction, host: Host) -> bool:
    """Whether what was seen of the host itself explains that its grids fail."""
    sql = "select look_at is null or bad_since is not null from hosts where id = $1"
    return bool(await tx.fetchval(sql, host.id))


async def _is_as_loaded(tx: Transaction, grid: Grid) -> bool:
    """Whether nothing was asked of the grid meanwhile, and it is where it was; it stays so until ``tx`` ends."""
    await tx.execute("select from grids where id = $1 for no key update", grid.id)
    now = present(await store.grid(tx, grid.id))
    return (now.wishes, now.stage, now.host and now.host.id) == (grid.wishes, grid.stage, grid.host and grid.host.id)
