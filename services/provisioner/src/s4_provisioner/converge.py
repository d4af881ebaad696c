"""Carries grids from what they are to what they should be, some at a time, each under a lease.

Load (short transaction), act (none), apply (short transaction, guarded by the lease): see moves for the last.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from random import Random
from typing import assert_never

from s4_contracts.ids import GridId
from s4_provisioner import asked, metrics, moves, store
from s4_provisioner.error_place import error_place
from s4_provisioner.grids import Grid, present
from s4_provisioner.keeping import under_lease
from s4_provisioner.lifecycle import Stage, next_stage, turned
from s4_provisioner.limits import Result, goes_on, judged
from s4_provisioner.outcome import Again, Done, MachineLost, NotYet
from s4_provisioner.steps import STEPS, Step
from s4_provisioner.tools import Tools
from s4_runtime import LOOP_FAILURES, Backoff, Permanent, Temporary, came_to, context, get_logger, last_success, span
from s4_store import Leases, Pool, Transaction, Wakeup

_LEASES = Leases(table="grids", key="id")
_LOOP = "converger"
# Notifications can be missed; a slot can become free; the database can come back.
_IDLE = timedelta(seconds=5)
_FULL = timedelta(milliseconds=200)
_TROUBLED = timedelta(seconds=1)
# Of many that come at once, so many in a round: the other replicas take theirs meanwhile.
_AT_A_TIME = 4


class AskedAnew(Exception):
    """Something else was asked of the grid meanwhile: what was done is dropped, and the grid is looked at again."""


class Converger:
    """Any number of these may run, in any number of processes."""

    def __init__(self, pool: Pool, tools: Tools, random: Random, steps: Mapping[Stage, Step] = STEPS) -> None:
        self._pool = pool
        self._tools = tools
        self._steps = steps
        self._clock = tools.clock
        self._settings = tools.settings
        self._random = random
        self._backoff = Backoff(tools.settings.retry_base, tools.settings.retry_cap)
        self._in_hand = 0

    async def forever(self) -> None:
        """Take what is due, when it is due, for ever."""
        async with Wakeup.listen(self._pool.url, store.CHANNEL) as wakeup, asyncio.TaskGroup() as grids:
            grids.create_task(self._tools.look_ahead())
            while True:
                pause = await self._round(grids)
                await wakeup.wait(pause)

    async def _round(self, grids: asyncio.TaskGroup) -> timedelta:
        """Start on all that is due and that there is room for; how long to wait for more."""
        now = self._clock.now()
        room = self._settings.concurrency - self._in_hand
        if room <= 0:
            return _FULL
        try:
            rows = await _LEASES.claim(self._pool, min(room, _AT_A_TIME), self._settings.lease, now)
            for row in rows:
                self._in_hand += 1
                grids.create_task(self.carry(GridId(row["id"]), row["lease_token"]))
            oldest = await store.unfinished_since(self._pool)
            leaving = await store.leaving_since(self._pool)
            due = await store.next_due(self._pool)
        except Temporary as trouble:
            LOOP_FAILURES.labels(_LOOP, trouble.code).inc()
            return _TROUBLED
        metrics.IN_HAND.set(self._in_hand)
        metrics.OLDEST_UNFINISHED.set((now - oldest).total_seconds() if oldest else 0)
        metrics.OLDEST_LEAVING.set((now - leaving).total_seconds() if leaving else 0)
        last_success(_LOOP)
        return min(_IDLE, max(_FULL, due - now)) if due else _IDLE

    async def carry(self, grid_id: GridId, token: str) -> None:
        """Go on with one grid for as long as there is something to do at once and the lease is ours."""
        try:
            step = self._step
            await under_lease(_LEASES, self._pool, grid_id, token, tools=self._tools, step=step, kind="grid")
        except asyncio.CancelledError:
            with suppress(Temporary):
                await _LEASES.release(self._pool, grid_id, token, self._clock.now())
            raise
        except Exception as error:  # noqa: BLE001  one grid's trouble is not the others'; its lease runs out
            get_logger().error("grid.dropped", grid=grid_id, error=error_place(error))
            LOOP_FAILURES.labels(_LOOP, "grid-dropped").inc()
        finally:
            self._in_hand -= 1

    async def _step(self, key: str, token: str) -> bool:
        """Load, act, apply, once; whether to go on at once."""
        grid = present(await store.grid(self._pool, GridId(key)))
        with context.bound(context.from_headers(grid.story)), span(f"step {grid.stage}", grid=grid.id):
            try:
                if not await self._is_on_its_way(grid, token):
                    return True
                following = next_stage(grid.aim, grid.stage)
                if following is None:
                    async with self._applying(grid, token) as tx:
                        await moves.rest(tx, grid, self._clock.now())
                    return False
                result = judged(grid, await self._act(grid), self._settings, self._clock.now())
                return await self._apply(grid, token, following, result)
            except AskedAnew:
                return True

    async def _is_on_its_way(self, grid: Grid, token: str) -> bool:
        """Whether the grid's step, if it has one, leads to what is wanted; if not, it will when looked at again."""
        now, stage = self._clock.now(), turned(grid.aim, grid.stage)
        if not grid.is_over(now) and stage is grid.stage:
            return True
        async with self._applying(grid, token, keep=True) as tx:
            if grid.is_over(now):
                await moves.want_removed(tx, grid, now)
            else:
                await moves.turn(tx, grid, stage, now)
        return False

    @asynccontextmanager
    async def _applying(self, grid: Grid, token: str, *, keep: bool = False) -> AsyncIterator[Transaction]:
        """A transaction in which the grid is ours, and as it was loaded. Raises LeaseLost, AskedAnew."""
        async with _LEASES.apply(self._pool, grid.id, token, keep=keep) as tx:
            if await asked.wishes(tx, grid.id) != grid.wishes:
                raise AskedAnew
            yield tx

    async def _act(self, grid: Grid) -> Result:
        try:
            return await self._steps[grid.stage](grid, self._tools)
        except (Temporary, Permanent) as trouble:
            return trouble
        except Exception as error:  # noqa: BLE001  unexpected counts as temporary, up to the limit of attempts
            get_logger().error("step.broke", grid=grid.id, step=grid.stage.value, error=error_place(error))
            return Temporary("unexpected")

    async def _apply(self, grid: Grid, token: str, following: Stage, result: Result) -> bool:
        now, going_on = self._clock.now(), goes_on(grid, following, result)
        async with self._applying(grid, token, keep=going_on) as tx:
            match result:
                case Done(apply):
                    await apply(tx)
                    await moves.move_on(tx, grid, following, now)
                case Again(apply):
                    await apply(tx)
                case NotYet(delay):
                    await moves.put_off(tx, grid, delay, now, failed=False)
                case MachineLost():
                    await moves.start_over(tx, grid, result, now)
                case Temporary():
                    wait = max(self._backoff.delay(grid.attempts, self._random), result.retry_after or timedelta(0))
                    await moves.put_off(tx, grid, wait, now, failed=True)
                case Permanent():
                    await moves.give_up(tx, grid, result.code, now)
                case _:
                    assert_never(result)
        _note(grid, result, now)
        return going_on


def _note(grid: Grid, result: Result, now: datetime) -> None:
    """One line for each step that ended or failed."""
    step, seconds = grid.stage.value, (now - grid.stage_since).total_seconds()
    log = get_logger().bind(grid=grid.id, step=step, attempts=grid.attempts)
    match result:
        case Done():
            metrics.STEP_SECONDS.labels(step).observe(seconds)
            if grid.proved_at is None:
                _count_customer(grid, now)
            log.info("step.done", seconds=round(seconds, 3))
        case MachineLost(code):
            metrics.STEP_TROUBLE.labels(step, code).inc()
            log.warning("machine.lost", code=code)
        case Temporary():
            metrics.STEP_TROUBLE.labels(step, result.code).inc()
            log.warning("step.trouble", trouble=str(result))
        case Permanent():
            metrics.GRIDS_FAILED.labels(step, result.code).inc()
            log.error("grid.failed", trouble=str(result))
        case _:
            pass


def _count_customer(grid: Grid, now: datetime) -> None:
    """Whose first grid came so far, and how long a furl took."""
    if grid.stage is Stage.HOST:
        came_to("placed")
    elif grid.stage is Stage.PROOF and grid.paid_at is not None:
        ready_at = grid.host.ready_at if grid.host else None
        host = "warm" if ready_at is not None and ready_at <= grid.paid_at else "cold"
        metrics.PAID_TO_FURL.labels(host).observe(max(0.0, (now - grid.paid_at).total_seconds()))
