"""How a grid gets from stage to stage: each move is one transaction, with what the others are told about it."""

from datetime import datetime, timedelta

from s4_contracts.ids import GridId
from s4_provisioner import asked, store
from s4_provisioner.grids import Grid, host_of, present
from s4_provisioner.lifecycle import UP, Stage, next_stage, stage_without_host, told_anew
from s4_provisioner.news import tell_deleted, tell_failed, tell_progress, tell_ready, tell_resumed, tell_suspended
from s4_runtime import Clock, context
from s4_store import Pool, Transaction


async def begin(tx: Transaction, grid_id: GridId, now: datetime) -> None:
    """The step of the grid's stage is under way, and a converger will find it."""
    grid = present(await store.grid(tx, grid_id))
    await store.begin(tx, grid.id, grid.stage, now)
    await tell_progress(tx, grid, grid.stage, "started", now)
    await store.wake(tx)


async def move_on(tx: Transaction, grid: Grid, following: Stage, region: str, now: datetime) -> None:
    """The step is done, and the grid is in the stage that follows: at work there, or at rest."""
    await store.end(tx, grid.id, "done", grid.attempts, now)
    await tell_progress(tx, grid, grid.stage, "done", now)
    await store.enter(tx, grid.id, following, now)
    if next_stage(grid.aim, following) is not None:
        await begin(tx, grid.id, now)
        return
    await store.rest(tx, grid.id)
    await _arrive(tx, present(await store.grid(tx, grid.id)), region, now)


async def _arrive(tx: Transaction, grid: Grid, region: str, now: datetime) -> None:
    """The others know where the grid rests."""
    match grid.stage:
        case Stage.READY:
            await tell_ready(tx, grid, region, now)
            if grid.suspended_at is not None:
                await tell_resumed(tx, grid, now)
            await asked.served(tx, grid.id)
        case Stage.SUSPENDED:
            await tell_suspended(tx, grid, now)
        case Stage.ABSENT:
            await tell_deleted(tx, grid, now)
        case _:
            pass


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


async def start_over(tx: Transaction, grid: Grid, code: str, now: datetime) -> None:
    """The host's machine was lost: the grid goes on where the next one is asked for."""
    await store.end(tx, grid.id, code, grid.attempts, now)
    await tell_progress(tx, grid, grid.stage, "retrying", now)
    await store.lose_machine(tx, grid.id, host_of(grid).id)
    await store.enter(tx, grid.id, stage_without_host(grid.stage), now)
    await begin(tx, grid.id, now)


async def put_off(tx: Transaction, grid: Grid, delay: timedelta, now: datetime, *, failed: bool) -> None:
    """The step will be tried again, after trouble or because it was too early."""
    await store.look_again(tx, grid.id, now + delay, failed=failed)
    await store.wake(tx)
    if failed:
        await tell_progress(tx, grid, grid.stage, "retrying", now)


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
