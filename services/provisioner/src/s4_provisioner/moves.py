"""How a grid gets from stage to stage: each move is one transaction, with what the others are told about it."""

from datetime import datetime, timedelta

from s4_contracts.ids import GridId, HostId
from s4_provisioner import asked, store
from s4_provisioner.fleet import store as hosts
from s4_provisioner.grids import Grid, present
from s4_provisioner.lifecycle import ON_A_HOST, UP, Stage, elsewhere, next_stage, told_anew
from s4_provisioner.news import (
    tell_deleted,
    tell_failed,
    tell_lost,
    tell_progress,
    tell_ready,
    tell_recovered,
    tell_resumed,
    tell_suspended,
)
from s4_provisioner.outcome import MachineLost
from s4_runtime import Clock, context
from s4_store import Pool, Transaction


async def begin(tx: Transaction, grid_id: GridId, now: datetime) -> None:
    """The step of the grid's stage is under way, and a converger will find it."""
    grid = present(await store.grid(tx, grid_id))
    await store.begin(tx, grid.id, grid.stage, now)
    await tell_progress(tx, grid, grid.stage, "started", now)
    await store.wake(tx)


async def move_on(tx: Transaction, grid: Grid, following: Stage, now: datetime) -> None:
    """The step is done, and the grid is in the stage that follows: at work there, or at rest."""
    await store.end(tx, grid.id, "done", grid.attempts, now)
    await tell_progress(tx, grid, grid.stage, "done", now)
    await store.enter(tx, grid.id, following, now)
    if next_stage(grid.aim, following) is not None:
        await begin(tx, grid.id, now)
        return
    await store.rest(tx, grid.id)
    await _arrive(tx, present(await store.grid(tx, grid.id)), now)


async def _arrive(tx: Transaction, grid: Grid, now: datetime) -> None:
    """The others know where the grid rests."""
    match grid.stage:
        case Stage.READY:
            await tell_ready(tx, grid, now)
            if grid.suspended_at is not None:
                await tell_resumed(tx, grid, now)
            if grid.lost_at is not None:
                await tell_recovered(tx, grid, now)
            await asked.served(tx, grid.id)
            await store.look_after(tx, grid.id, now)
        case Stage.SUSPENDED:
            await _tell_why(tx, grid, now)
        case Stage.ABSENT:
            await tell_deleted(tx, grid, now)
        case _:
            pass


async def rest(tx: Transaction, grid: Grid, now: datetime) -> None:
    """Nothing is to be done for the grid; if it is not served for another reason than was told, that is told."""
    await store.rest(tx, grid.id)
    if grid.stage is Stage.SUSPENDED and grid.stopped_for != grid.stops_for:
        await _tell_why(tx, grid, now)


async def _tell_why(tx: Transaction, grid: Grid, now: datetime) -> None:
    await tell_suspended(tx, grid, now)
    await store.keep_reason(tx, grid.id, grid.stops_for)


async def turn(tx: Transaction, grid: Grid, stage: Stage, now: datetime) -> None:
    """The grid leaves the step that it is at, done or not, and is at another one."""
    await store.end(tx, grid.id, "turned", grid.attempts, now)
    await store.enter(tx, grid.id, stage, now)
    await begin(tx, grid.id, now)


async def heed(tx: Transaction, grid_id: GridId, now: datetime, *, retry: bool = False, anew: bool = False) -> None:
    """Something was asked of the grid, and a converger will see to it.

    ``retry``: a failed one goes on where it failed. ``anew``: one that serves is told again what it is, and proved.
    """
    grid = present(await store.grid(tx, grid_id))
    await asked.count_wish(tx, grid.id, now)
    stage = present(grid.failed_stage) if retry and grid.stage is Stage.FAILED else grid.stage
    stage = told_anew(stage) if anew else stage
    if stage is not grid.stage:
        await turn(tx, grid, stage, now)
    await store.wake(tx)


async def want_removed(tx: Transaction, grid: Grid, now: datetime) -> None:
    """The time is over for which everything was kept."""
    await asked.remove(tx, grid.id)
    await heed(tx, grid.id, now, retry=True)


async def start_over(tx: Transaction, grid: Grid, lost: MachineLost, now: datetime) -> None:
    """The grid's host was lost before it was served there: the grid goes on where the next one is asked for."""
    code = lost.code
    await store.end(tx, grid.id, code, grid.attempts, now)
    await tell_progress(tx, grid, grid.stage, "retrying", now)
    await store.count_relaunch(tx, grid.id)
    if grid.host is not None:
        await hosts.depart(tx, grid.id, grid.host.id, stopped=False, now=now)
        if lost.others_stay:
            await hosts.alarm(tx, grid.host.id, code)
        else:
            await hosts.give_up(tx, grid.host.id, code, now)  # who else is on it leaves with its converger: leave_lost
    await store.enter(tx, grid.id, elsewhere(grid.stage), now)
    await begin(tx, grid.id, now)


async def host_retries(tx: Transaction, host_id: HostId, now: datetime) -> None:
    """A step of the host's will be tried again: who waits for a grid on it is told."""
    for grid_id in await store.on_host(tx, host_id):
        grid = present(await store.grid(tx, grid_id))
        if grid.stage is Stage.BOOT:
            with context.bound(context.from_headers(grid.story)):
                await tell_progress(tx, grid, grid.stage, "retrying", now)


async def relocate(tx: Transaction, grid_id: GridId, now: datetime) -> None:
    """The grid is to be on another host; it may be served by the present one until the other is ready."""
    grid = present(await store.grid(tx, grid_id))
    await asked.count_wish(tx, grid.id, now)
    if grid.host is not None:
        await hosts.depart(tx, grid.id, grid.host.id, stopped=False, now=now)
    stage = elsewhere(grid.stage)
    if stage is not grid.stage or grid.stage in ON_A_HOST:
        await turn(tx, grid, stage, now)
    await store.wake(tx)


async def lose_host(tx: Transaction, host_id: HostId, code: str, now: datetime) -> list[GridId]:
    """Nothing can be expected of the host any more: it goes, and its grids go on elsewhere. Told once for each grid."""
    await store.hold_those_on(tx, host_id)  # grids before their host, as who works on a grid locks them
    return await leave_lost(tx, host_id, code, now) if await hosts.give_up(tx, host_id, code, now) else []


async def leave_lost(tx: Transaction, host_id: HostId, code: str, now: datetime) -> list[GridId]:
    """The grids that are still on a host that goes, go on elsewhere. Told once for each."""
    lost = await store.on_host(tx, host_id)
    for grid_id in lost:
        grid = present(await store.grid(tx, grid_id))
        if grid.stage is Stage.READY:
            await store.keep_loss(tx, grid_id, host_id, now)
            with context.bound(context.from_headers(grid.story)):
                await tell_lost(tx, grid, host_id, code, now)
                await relocate(tx, grid_id, now)
        else:
            await relocate(tx, grid_id, now)
    return lost


async def put_off(tx: Transaction, grid: Grid, delay: timedelta, now: datetime, *, failed: bool) -> None:
    """The step will be tried again, after trouble or because it was too early."""
    await store.look_again(tx, grid.id, now + delay, now, failed=failed)
    await store.wake(tx)
    if failed:
        await tell_progress(tx, grid, grid.stage, "retrying", now, next_try_at=now + delay)


async def give_up(tx: Transaction, grid: Grid, code: str, now: datetime) -> None:
    """The grid waits for a person. The others hear of it only if nobody ever had the grid."""
    await store.end(tx, grid.id, "failed", grid.attempts, now)
    if grid.proved_at is None and grid.stage in UP:
        await tell_failed(tx, grid, code, now)
    await store.fail(tx, grid.id, grid.stage, code, now)


async def again(pool: Pool, grid_id: GridId, resting: Stage, clock: Clock) -> Stage | None:
    """A grid that has failed or is ready is worked on again; from which stage, see store. For an operator."""
    async with pool.transaction() as tx:
        stage = await store.again(tx, grid_id, resting, clock.now())
        if stage is not None:
            with context.bound(context.from_headers(present(await store.grid(tx, grid_id)).story)):
                await begin(tx, grid_id, clock.now())
                await tx.post()
    return stage
