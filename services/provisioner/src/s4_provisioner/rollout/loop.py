"""Carries rollouts on, each under a lease: all that is done is rows, in one transaction. Any number may run."""

from datetime import timedelta

from s4_contracts.ids import GridId
from s4_provisioner import moves, store
from s4_provisioner.fleet import releases, stock
from s4_provisioner.grids import present
from s4_provisioner.health import breakers
from s4_provisioner.health.breaker import State
from s4_provisioner.lifecycle import Stage, Wanted
from s4_provisioner.rollout import metrics
from s4_provisioner.rollout import store as rollouts
from s4_provisioner.rollout.decision import Begin, Finish, Judgement, Pause, judge
from s4_provisioner.rollout.decision import decide as decided
from s4_provisioner.rollout.store import Mover, Rollout
from s4_provisioner.tools import Tools
from s4_runtime import LOOP_FAILURES, Temporary, context, get_logger, last_success
from s4_store import LeaseLost, Leases, Pool, Transaction, Wakeup

_LEASES = Leases(table="rollouts", key="id")
_LOOP = "rollouts"
_AT_ONCE = 5
_SOON, _IDLE = timedelta(seconds=1), timedelta(seconds=10)
_LASTING = timedelta(seconds=30)
_GO_BACK = ["moving", "proved", "failed"]


class Rollouts:
    """The loop."""

    def __init__(self, pool: Pool, tools: Tools) -> None:
        self._pool, self._tools = pool, tools
        self._clock, self._settings = tools.clock, tools.settings

    async def forever(self) -> None:
        """Look for ever."""
        async with Wakeup.listen(self._pool.url, rollouts.CHANNEL) as wakeup:
            while True:
                await wakeup.wait(await self.round())

    async def round(self) -> timedelta:
        """Every rollout that was due was carried on; how long to wait for the next look."""
        try:
            rows = await _LEASES.claim(self._pool, _AT_ONCE, _LASTING, self._clock.now())
            for row in rows:
                await self._carry(rollouts.rollout_of(row), row["lease_token"])
            for row in await self._pool.fetch("select pool, state from rollouts where ended_at is null"):
                metrics.PAUSED.labels(row["pool"]).set(row["state"] == "paused")
        except LeaseLost:
            return _SOON
        except Temporary as trouble:
            LOOP_FAILURES.labels(_LOOP, trouble.code).inc()
            return _IDLE
        last_success(_LOOP)
        return _SOON if rows else _IDLE

    async def _carry(self, rollout: Rollout, token: str) -> None:
        async with _LEASES.apply(self._pool, rollout.id, token) as tx:
            rollout = rollouts.rollout_of(
                present(await tx.fetchrow("select * from rollouts where id = $1", rollout.id))
            )
            if rollout.state in {"running", "paused"}:
                await self._judge(tx, rollout)
            if rollout.state == "running":
                await self._go_on(tx, rollout)
            elif rollout.state == "back":
                await self._go_back(tx, rollout)
            await tx.execute(
                "update rollouts set attempts = 0, due_at = case when ended_at is null then $2::timestamptz end"
                " where id = $1",
                *(rollout.id, self._clock.now() + _SOON),
            )

    async def _judge(self, tx: Transaction, rollout: Rollout) -> None:
        """What became of those on their way is on record; one that failed goes back by itself."""
        now, limits = self._clock.now(), self._settings
        for each in await rollouts.movers(tx, rollout, ["moving"]):
            found = judge(
                each.moved,
                rollout.release,
                attempts=limits.rollout_proofs,
                patience=limits.rollout_patience,
                now=now,
            )
            match found:
                case Judgement.PROVED:
                    await rollouts.became(tx, rollout, each.grid_id, "proved", now=now)
                case Judgement.FAILED:
                    code = each.code if each.moved.stage is Stage.FAILED else "not-proved"
                    await rollouts.became(tx, rollout, each.grid_id, "failed", now=now, code=code)
                    await self._bring_back(tx, each)
                    metrics.GRIDS.labels(rollout.pool, "failed").inc()
                    get_logger().error("rollout.grid-failed", pool=rollout.pool, grid=each.grid_id, code=code)
                case Judgement.LEFT:
                    await rollouts.forget(tx, rollout, each.grid_id)
                case Judgement.MOVING:
                    pass

    async def _go_on(self, tx: Transaction, rollout: Rollout) -> None:
        now, pool = self._clock.now(), self._tools.fleet.spec(rollout.pool)
        if await breakers.state_of(tx, pool.region) is not State.CLOSED:
            return  # so much fails there that a proof would say nothing
        await stock.hold(tx, rollout.pool)
        match decided(await rollouts.progress(tx, rollout, self._settings.rollout_at_once)):
            case Begin(grids, number):
                for grid_id in await rollouts.next_grids(tx, rollout, grids):
                    await rollouts.begun(tx, rollout, grid_id, number, now)
                    await self._move(tx, grid_id, rollout.release, None)
                    metrics.GRIDS.labels(rollout.pool, "begun").inc()
                await rollouts.move_to(tx, rollout, "running", now, number=number)
            case Pause():
                await rollouts.move_to(tx, rollout, "paused", now, code="grid-not-proved")
                get_logger().error("rollout.paused", pool=rollout.pool, release=rollout.release)
            case Finish():
                await releases.keep(tx, rollout.pool, pool, rollout.release, now)
                await tx.execute(
                    "update grids set release_wanted = null where pool = $1 and release_wanted is not null",
                    rollout.pool,
                )
                await self._end(tx, rollout, "done")
            case _:
                pass

    async def _go_back(self, tx: Transaction, rollout: Rollout) -> None:
        """A few more grids are on their way back to the former release; the rollout ends once all are there."""
        now, limits = self._clock.now(), self._settings
        under_way = await rollouts.movers(tx, rollout, ["returning"])
        for each in under_way:
            found = judge(
                each.moved, rollout.former, attempts=limits.rollout_proofs, patience=limits.rollout_patience, now=now
            )
            if found is not Judgement.MOVING:
                code = "not-proved" if found is Judgement.FAILED else None
                await rollouts.became(tx, rollout, each.grid_id, "returned", now=now, code=code)
        moving = len(await rollouts.movers(tx, rollout, ["returning"]))
        left = await rollouts.movers(tx, rollout, _GO_BACK)
        for each in left[: max(0, limits.rollout_at_once - moving)]:
            if not each.moved.is_here:
                await rollouts.forget(tx, rollout, each.grid_id)
            elif each.moved.aim is Wanted.READY and each.moved.release != rollout.former:
                await rollouts.returning(tx, rollout, each.grid_id, "returning", now)
                await self._bring_back(tx, each)
            else:
                await tx.execute("update grids set release_wanted = null where id = $1", each.grid_id)
                await rollouts.became(tx, rollout, each.grid_id, "returned", now=now)
        if not left and not moving:
            await self._end(tx, rollout, "undone")

    async def _end(self, tx: Transaction, rollout: Rollout, state: str) -> None:
        await rollouts.move_to(tx, rollout, state, self._clock.now())
        await rollouts.let_kept_hosts_go(tx, rollout, self._clock.now())
        metrics.PAUSED.labels(rollout.pool).set(0)
        get_logger().info("rollout.ended", pool=rollout.pool, release=rollout.release, state=state)

    async def _bring_back(self, tx: Transaction, mover: Mover) -> None:
        await self._move(tx, mover.grid_id, None, mover.former_host)

    async def _move(self, tx: Transaction, grid_id: GridId, release: str | None, host: str | None) -> None:
        """The grid goes to a host of the release, if it can be to this one."""
        now = self._clock.now()
        await tx.execute(
            "update grids set release_wanted = $2, host_wanted = (select id from hosts where id = $3) where id = $1",
            *(grid_id, release, host),
        )
        grid = present(await store.grid(tx, grid_id))
        with context.bound(context.from_headers(grid.story)):
            if grid.stage is Stage.FAILED:
                await moves.heed(tx, grid_id, now, retry=True)
            await moves.relocate(tx, grid_id, now)
