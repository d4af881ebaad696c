"""How a grid gets from stage to stage: each move is one transaction, with what the others are told about it."""

from datetime import datetime, timedelta

from s4_contracts.ids import GridId
from s4_provisioner import store
from s4_provisioner.grids import Grid, host_of, present
from s4_provisioner.lifecycle import Stage, next_stage, stage_without_host
from s4_provisioner.news import tell_failed, tell_progress, tell_ready
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
    if next_stage(grid.wanted, following) is not None:
        await begin(tx, grid.id, now)
        return
    await store.rest(tx, grid.id)
    if following is Stage.READY:
        await tell_ready(tx, present(await store.grid(tx, grid.id)), region, now)


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
    """The grid waits for a person."""
    await store.end(tx, grid.id, "failed", grid.attempts, now)
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
