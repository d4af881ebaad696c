"""What operators do to a grid. Each is recorded by whoever calls it, with who and why."""

from s4_contracts.ids import GridId, HostId
from s4_provisioner import asked, lending, moves, store
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.fleet.lifecycle import HostStage, HostWanted
from s4_provisioner.grids import Grid, present
from s4_provisioner.lifecycle import ON_A_HOST, Stage, Wanted
from s4_provisioner.operator.asking import Act, Answer, Wish, locked_grid, locked_host
from s4_runtime import context
from s4_runtime.refusals import NotNow, NotThere

_SERVED = {Stage.READY, *ON_A_HOST}


class Moving(Wish, frozen=True, kw_only=True):
    """Where to. ``host``: None leaves it to the pool; ``release``: None stays with the one that it has."""

    host: str | None = None
    release: str | None = None


async def recover(act: Act, _wish: Wish) -> Answer:
    """A grid that waits for a person goes on where it failed; a ready one is made again from its bucket on, and proved.

    Raises NotNow for one that is being worked on.
    """
    grid = await locked_grid(act)
    await act.tx.execute("update grids set unmended = null, mends = 0 where id = $1", grid.id)
    resting = Stage.FAILED if grid.stage is Stage.FAILED else Stage.READY
    stage = await store.again(act.tx, grid.id, resting, act.now)
    if stage is None:
        raise NotNow("grid-at-work" if grid.aim is Wanted.READY else "grid-not-served")
    with context.bound(context.from_headers(grid.story)):
        await moves.begin(act.tx, grid.id, act.now)
    return {"grid": grid.id, "stage": stage}


async def move(act: Act, wish: Moving) -> Answer:
    """The grid goes to another host, with the furl that it has, and is served by its present one until then."""
    grid = await locked_grid(act)
    if grid.aim is not Wanted.READY:
        raise NotNow("grid-not-served")
    host = await _fit_for(act, grid, wish) if wish.host else None
    await act.tx.execute(
        "update grids set host_wanted = $2, release_wanted = coalesce($3, release_wanted) where id = $1",
        *(grid.id, host.id if host else None, wish.release or (host.release if host else None)),
    )
    await relocate(act, grid)
    return {"grid": grid.id, "from": grid.host.id if grid.host else None, "to": host.id if host else None}


async def relocate(act: Act, grid: Grid) -> None:
    """It is on its way to another host. Raises NotNow for one that has not come as far as to a host yet."""
    with context.bound(context.from_headers(grid.story)):
        stage = present(grid.failed_stage) if grid.stage is Stage.FAILED else grid.stage
        if stage not in _SERVED:
            raise NotNow("grid-at-work")
        if grid.stage is Stage.FAILED:
            await moves.heed(act.tx, grid.id, act.now, retry=True)
        await moves.relocate(act.tx, grid.id, act.now)


async def _fit_for(act: Act, grid: Grid, wish: Moving) -> Host:
    host = await locked_host(act, wish.host)
    if (host.pool, host.wanted, host.stage) != (grid.pool, HostWanted.OPEN, HostStage.READY):
        raise NotNow("host-takes-no-grid")
    if grid.host is not None and grid.host.id == host.id:
        raise NotNow("grid-is-there")
    if wish.release is not None and wish.release != host.release:
        raise NotNow("host-of-another-release")
    if await act.tx.fetchval("select is_full from hosts where id = $1", host.id):
        raise NotNow("host-is-full")
    return host


async def suspend(act: Act, _wish: Wish) -> Answer:
    """The grid is not served until an operator says so, whatever billing says; nothing of it is removed meanwhile."""
    grid = await locked_grid(act)
    if grid.wanted is Wanted.ABSENT or grid.stage is Stage.ABSENT:
        raise NotNow("grid-is-removed")
    if await asked.hold(act.tx, grid.id, act.now, held=True):
        with context.bound(context.from_headers(grid.story)):
            await moves.heed(act.tx, grid.id, act.now, retry=True)
    return {"grid": grid.id, "held": True}


async def resume(act: Act, _wish: Wish) -> Answer:
    """The grid comes to what billing says of it."""
    grid = await locked_grid(act)
    if await asked.hold(act.tx, grid.id, act.now, held=False):
        with context.bound(context.from_headers(grid.story)):
            await moves.heed(act.tx, grid.id, act.now, retry=True)
    return {"grid": grid.id, "held": False, "wanted": grid.wanted}


async def rotate(act: Act, _wish: Wish) -> Answer:
    """The grid's node gets a new session soon, and goes on serving."""
    grid = await locked_grid(act)
    if grid.stage is not Stage.READY or grid.host is None:
        raise NotNow("grid-not-served")
    await lending.renew(act.tx, [GridId(grid.id)], act.now)
    return {"grid": grid.id, "host": grid.host.id}


async def rotate_host(act: Act, _wish: Wish) -> Answer:
    """All grids of the host get new sessions soon."""
    host = await locked_host(act)
    grids = await store.on_host(act.tx, HostId(host.id))
    if not grids:
        raise NotThere("host-has-no-grid")
    await lending.renew(act.tx, grids, act.now)
    return {"host": host.id, "grids": len(grids)}
