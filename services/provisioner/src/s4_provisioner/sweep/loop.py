"""Looks at everything now and then, under a lease; then puts right and removes what it may."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from prometheus_client import Gauge

from s4_provisioner.sweep import store
from s4_provisioner.sweep.finding import may_go
from s4_provisioner.sweep.looking import Look
from s4_provisioner.sweep.righting import put_right, remove
from s4_provisioner.sweep.store import Kept
from s4_provisioner.tools import Tools
from s4_runtime import LOOP_FAILURES, Permanent, Temporary, get_logger, last_success
from s4_store import LeaseLost, Leases, Pool, Transaction, Wakeup, notify

FINDINGS = Gauge("provisioner_findings", "What does not fit at the last look, and is not put right.", ["what", "kind"])
CHANNEL = "sweeps"
_LEASES = Leases(table="sweeps", key="id")
_LOOP, _ALL = "sweep", "all"
_LASTING = timedelta(minutes=2)
_IDLE = timedelta(seconds=60)


async def now_please(tx: Transaction, now: datetime) -> None:
    """A look begins as soon as ``tx`` commits, unless one is under way."""
    await tx.execute(
        "insert into sweeps (id, due_at) values ($1, $2) on conflict (id) do update set due_at = $2", _ALL, now
    )
    await notify(tx, CHANNEL)


class Sweep:
    """The loop. Any number may run: one looks."""

    def __init__(self, pool: Pool, tools: Tools) -> None:
        self._pool, self._tools = pool, tools
        self._clock, self._settings = tools.clock, tools.settings

    async def forever(self) -> None:
        """Look for ever."""
        async with Wakeup.listen(self._pool.url, CHANNEL) as wakeup:
            while True:
                await self.round()
                await wakeup.wait(_IDLE)

    async def round(self) -> None:
        """If a look was due, everything was looked at, and what may be is put right."""
        try:
            sql = "insert into sweeps (id, due_at) values ($1, $2) on conflict do nothing"
            await self._pool.execute(sql, _ALL, self._clock.now())
            for row in await _LEASES.claim(self._pool, 1, _LASTING, self._clock.now()):
                await self._under_lease(row["lease_token"])
            await self._show()
        except Temporary as trouble:
            LOOP_FAILURES.labels(_LOOP, trouble.code).inc()
            return
        last_success(_LOOP)

    async def _under_lease(self, token: str) -> None:
        keeping = asyncio.create_task(self._keep(token))
        looking = asyncio.create_task(self._look(token))
        try:
            await asyncio.wait([keeping, looking], return_when=asyncio.FIRST_COMPLETED)
            if looking.done():
                looking.result()
        finally:
            for task in (keeping, looking):
                task.cancel()
                with suppress(asyncio.CancelledError, LeaseLost, Temporary):
                    await task

    async def _keep(self, token: str) -> None:
        while True:
            await self._clock.sleep(_LASTING.total_seconds() / 3)
            with suppress(Temporary):
                if not await _LEASES.extend(self._pool, _ALL, token, _LASTING, self._clock.now()):
                    return

    async def _look(self, token: str) -> None:
        began, code = self._clock.now(), None
        try:
            found = await Look(self._pool, self._tools).all(began)
        except (Temporary, Permanent) as trouble:
            found, code = None, trouble.code
            get_logger().error("sweep.failed", trouble=str(trouble))
        if found is not None:
            async with self._pool.transaction() as tx:
                await store.keep(tx, found, began)
            for each in await store.open_ones(self._pool):
                await self._see_to(each)
        async with _LEASES.apply(self._pool, _ALL, token) as tx:
            seconds = (self._clock.now() - began).total_seconds()
            await tx.execute(
                "update sweeps set due_at = $2, attempts = 0, last_at = $3, seconds = $4, code = $5 where id = $1",
                *(_ALL, began + self._settings.sweep_every, began, seconds, code),
            )

    async def _see_to(self, kept: Kept) -> None:
        """The finding is put right, or removed, if it may be. Trouble with one is on record, and stops no other."""
        finding, now = kept.finding, self._clock.now()
        is_due = now - kept.first_seen >= self._settings.sweep_hold
        try:
            if finding.what == "ownerless":
                is_done = may_go(finding, kept.approved_by, is_due=is_due) and await remove(finding, self._tools, now)
            else:
                is_done = await put_right(finding, self._tools)
        except (Temporary, Permanent) as trouble:
            await store.troubled(self._pool, finding, trouble.code)
            return
        if is_done:
            await store.removed(self._pool, finding, now)
            get_logger().warning(
                "sweep.done", what=finding.what, kind=finding.kind, grid=finding.grid_id, host=finding.host_id
            )

    async def _show(self) -> None:
        FINDINGS.clear()
        sql = "select what, kind, count(*) as found from findings where removed_at is null group by 1, 2"
        for row in await self._pool.fetch(sql):
            FINDINGS.labels(row["what"], row["kind"]).set(row["found"])
