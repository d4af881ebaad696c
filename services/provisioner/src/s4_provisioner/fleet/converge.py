"""Carries hosts from what they are to what they should be, some at a time, each under a lease.

The phases are those of the grids' converger: load, act, apply.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from random import Random
from typing import assert_never

from s4_contracts.ids import HostId
from s4_provisioner import metrics, moves
from s4_provisioner.error_place import error_place
from s4_provisioner.fleet import lifecycle, store
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.fleet.lifecycle import HostStage
from s4_provisioner.fleet.steps import STEPS, HostStep, tidy
from s4_provisioner.grids import present
from s4_provisioner.keeping import under_lease
from s4_provisioner.outcome import Again, BackTo, Done, HostOutcome, MachineLost, NotYet
from s4_provisioner.tools import Tools
from s4_runtime import LOOP_FAILURES, Backoff, Permanent, Temporary, get_logger, last_success
from s4_store import Leases, Pool, Transaction, Wakeup

Result = HostOutcome | Temporary | Permanent
_LEASES = Leases(table="hosts", key="id")
_LOOP = "hosts"
_IDLE = timedelta(seconds=5)
_FULL = timedelta(milliseconds=200)
_TROUBLED = timedelta(seconds=1)


class Changed(Exception):
    """Something else is wanted of the host meanwhile: what was done is dropped, and the host is looked at again."""


class Hosts:
    """Any number of these may run, in any number of processes."""

    def __init__(self, pool: Pool, tools: Tools, random: Random, steps: Mapping[HostStage, HostStep] = STEPS) -> None:
        self._pool, self._tools, self._steps = pool, tools, steps
        self._clock, self._settings, self._random = tools.clock, tools.settings, random
        self._backoff = Backoff(tools.settings.retry_base, tools.settings.retry_cap)
        self._in_hand = 0

    async def forever(self) -> None:
        """Take what is due, when it is due, for ever."""
        async with Wakeup.listen(self._pool.url, store.CHANNEL) as wakeup, asyncio.TaskGroup() as hosts:
            while True:
                await wakeup.wait(await self._round(hosts))

    async def _round(self, hosts: asyncio.TaskGroup) -> timedelta:
        now = self._clock.now()
        room = self._settings.hosts_at_once - self._in_hand
        if room <= 0:
            return _FULL
        try:
            for row in await _LEASES.claim(self._pool, room, self._settings.lease, now):
                self._in_hand += 1
                hosts.create_task(self.carry(HostId(row["id"]), row["lease_token"]))
            due = await store.next_due(self._pool)
        except Temporary as trouble:
            LOOP_FAILURES.labels(_LOOP, trouble.code).inc()
            return _TROUBLED
        last_success(_LOOP)
        return min(_IDLE, max(_FULL, due - now)) if due else _IDLE

    async def carry(self, host_id: HostId, token: str) -> None:
        """Go on with one host for as long as there is something to do at once and the lease is ours."""
        try:
            step = self._step
            await under_lease(_LEASES, self._pool, host_id, token, tools=self._tools, step=step, kind="host")
        except asyncio.CancelledError:
            with suppress(Temporary):
                await _LEASES.release(self._pool, host_id, token, self._clock.now())
            raise
        except Exception as error:  # noqa: BLE001  one host's trouble is not the others'; its lease runs out
            get_logger().error("host.dropped", host=host_id, error=error_place(error))
            LOOP_FAILURES.labels(_LOOP, "host-dropped").inc()
        finally:
            self._in_hand -= 1

    async def _step(self, key: str, token: str) -> bool:
        """Load, act, apply, once; whether to go on at once."""
        host, now = present(await store.host(self._pool, HostId(key))), self._clock.now()
        stage = lifecycle.turned(host.wanted, host.stage)
        try:
            if stage is not host.stage:
                async with self._applying(host, token, keep=True) as tx:
                    await store.enter(tx, host.id, stage, now)
                    await moves.leave_lost(tx, host.id, host.reason or "host-lost", now)
                return True
            following = lifecycle.next_stage(host.wanted, host.stage)
            if following is None:
                return await self._rest(host, token)
            return await self._apply(host, token, following, self._judged(host, await self._act(host)))
        except Changed:
            return True

    async def _rest(self, host: Host, token: str) -> bool:
        """The host is as it should be; what left it is removed from it."""
        left, trouble = await tidy(host, self._tools) if host.stage is HostStage.READY else ([], None)
        async with self._applying(host, token) as tx:
            now, alone = self._clock.now(), self._tools.fleet.spec(host.pool).isolation == "host"
            await store.departed(tx, host.id, left, now)
            if trouble is None:
                await store.rest(tx, host.id)
            else:
                wait = self._backoff.delay(host.attempts, self._random)
                await store.look_again(tx, host.id, now + wait, trouble)
            await store.settle(tx, host.id, now, is_alone=alone)
        return False

    @asynccontextmanager
    async def _applying(self, host: Host, token: str, *, keep: bool = False) -> AsyncIterator[Transaction]:
        async with _LEASES.apply(self._pool, host.id, token, keep=keep) as tx:
            loaded = present(await store.host(tx, host.id))
            if (loaded.wanted, loaded.stage) != (host.wanted, host.stage):
                raise Changed
            yield tx

    async def _act(self, host: Host) -> Result:
        try:
            return await self._steps[host.stage](host, self._tools)
        except (Temporary, Permanent) as trouble:
            return trouble
        except Exception as error:  # noqa: BLE001  unexpected counts as temporary, up to the limit of attempts
            get_logger().error("step.broke", host=host.id, step=host.stage.value, error=error_place(error))
            return Temporary("unexpected")

    def _judged(self, host: Host, result: Result) -> Result:
        """To make a host is given up after some time, to release one never is."""
        given_up = host.stage in lifecycle.UP and host.attempts >= self._settings.max_attempts
        return Permanent(result.code) if isinstance(result, Temporary) and given_up else result

    async def _apply(self, host: Host, token: str, following: HostStage, result: Result) -> bool:
        now = self._clock.now()
        on = isinstance(result, Again | BackTo) or (
            isinstance(result, Done) and lifecycle.next_stage(host.wanted, following) is not None
        )
        async with self._applying(host, token, keep=on) as tx:
            match result:
                case Done(apply):
                    await apply(tx)
                    await store.enter(tx, host.id, following, now)
                    if not on:
                        await store.rest(tx, host.id)
                case Again(apply):
                    await apply(tx)
                case BackTo(stage, apply):
                    await apply(tx)
                    await store.enter(tx, host.id, stage, now)
                case NotYet(delay):
                    await store.look_again(tx, host.id, now + delay)
                case MachineLost(code):
                    await store.give_up(tx, host.id, code, now)
                    await store.wake_grids(tx, host.id, now)
                case Temporary():
                    wait = max(self._backoff.delay(host.attempts, self._random), result.retry_after or timedelta(0))
                    await store.look_again(tx, host.id, now + wait, result.code)
                    await moves.host_retries(tx, host.id, now)
                case Permanent():
                    await store.fail(tx, host.id, result.code, now)
                case _:
                    assert_never(result)
        note(host, result, (now - host.stage_since).total_seconds())
        return on


def note(host: Host, result: Result, seconds: float) -> None:
    """One line for each step that ended or failed."""
    step = host.stage.value
    log = get_logger().bind(host=host.id, pool=host.pool, step=step, attempts=host.attempts)
    match result:
        case Done():
            metrics.HOST_STEP_SECONDS.labels(host.pool, step).observe(seconds)
            log.info("host.step-done", seconds=round(seconds, 3))
        case MachineLost(code):
            metrics.HOST_TROUBLE.labels(host.pool, step, code).inc()
            log.warning("host.lost", code=code)
        case Temporary():
            metrics.HOST_TROUBLE.labels(host.pool, step, result.code).inc()
            log.warning("host.trouble", trouble=str(result))
        case Permanent():
            metrics.HOST_TROUBLE.labels(host.pool, step, result.code).inc()
            log.error("host.failed", trouble=str(result))
        case _:
            pass
