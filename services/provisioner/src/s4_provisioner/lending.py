"""The nodes' right to their buckets goes on: sessions are renewed in the second half of their life, host by host."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from s4_aws.sessions import Session
from s4_contracts.ids import GridId, HostId
from s4_provisioner import moves, store
from s4_provisioner.fleet.hosts import Host, host_of_row
from s4_provisioner.grids import present
from s4_provisioner.health import breakers, metrics
from s4_provisioner.health.run import Seldom
from s4_provisioner.lifecycle import Stage, Wanted
from s4_provisioner.tools import Tools
from s4_runtime import Permanent, Temporary, context, get_logger
from s4_store import Pool, Transaction

_BATCH = 50
_SESSIONS_AT_ONCE = 20
_AGAIN = timedelta(minutes=1)
_CLAIM = """
with due as materialized (
    select id from hosts where lend_at <= $1 order by lend_at limit $2 for no key update skip locked
)
update hosts h set lend_at = $1::timestamptz + $3::interval * (1 + random()) from due where h.id = due.id returning h.*
"""
# Without an address a grid was never applied on its host: its session comes with that.
_SHORT = """
select id, bucket, region, wishes from grids where host_id = $1 and address is not null and bucket is not null
    and (lent_until is null or lent_until <= $2) order by id
"""
_KEEP = """
update grids g set lent_until = d.until, bucket_code = null from unnest($2::uuid[], $3::timestamptz[]) as d(id, until)
where g.id = d.id and g.host_id = $1
"""
# The host is due again when the first of its sessions is half over, and soon enough for one that comes meanwhile.
_NEXT = """
update hosts h set lend_at = greatest($2, least($2::timestamptz + $3::interval / 2,
    (select min(lent_until) from grids where host_id = h.id and address is not null) - $3::interval / 2))
where id = $1 and lend_at is not null
"""
_LEFT = "select min(lent_until) from grids where stage = 'ready' and address is not null and lent_until is not null"


class _Short(msgspec.Struct, frozen=True):
    """A grid whose session is to be followed by another one."""

    id: GridId
    bucket: str
    region: str
    wishes: int


async def renew(tx: Transaction, grids: Sequence[GridId], now: datetime) -> None:
    """The nodes of these grids get new sessions now, without a restart. For an operator, and where one was refused."""
    if not grids:
        return
    rows = await tx.fetch(
        "update grids set lent_until = null where id = any($1::uuid[]) and address is not null returning host_id",
        list(grids),
    )
    hosts = sorted({row["host_id"] for row in rows if row["host_id"]})
    await tx.execute("update hosts set lend_at = $2 where id = any($1::uuid[]) and lend_at is not null", hosts, now)


class Lending:
    """Any number of these may run, in any number of processes: each takes other hosts."""

    def __init__(self, pool: Pool, tools: Tools) -> None:
        self._pool, self._tools = pool, tools
        self._clock, self._settings = tools.clock, tools.settings
        self._turns, self._showing = asyncio.Semaphore(_SESSIONS_AT_ONCE), Seldom(tools.clock)

    async def round(self) -> bool:
        """The hosts that were due have the sessions that they need; whether there may be more."""
        now = self._clock.now()
        async with self._pool.transaction() as tx:
            rows = await tx.fetch(_CLAIM, now, _BATCH, _AGAIN)
        await asyncio.gather(*(self._serve(host_of_row(row)) for row in rows))
        if self._showing.is_due():
            until, now = await self._pool.fetchval(_LEFT), self._clock.now()
            metrics.LENDING_LEFT.set((until - now if until else self._settings.session_length).total_seconds())
        return len(rows) == _BATCH

    async def _serve(self, host: Host) -> None:
        """One host. When that fails, it is tried again within minutes: half of the sessions' life is left for that."""
        half_over = self._clock.now() + self._settings.session_length / 2
        short = [_Short(**row) for row in await self._pool.fetch(_SHORT, host.id, half_over)]
        try:
            sessions = await self._sessions(short)
            absent = await self._tools.driver(host).lend(host, sessions) if sessions else set()
        except (Temporary, Permanent) as trouble:
            metrics.LOANS.labels(trouble.code).inc(len(short))
            get_logger().warning("lending.failed", host=host.id, grids=len(short), trouble=str(trouble))
            return
        await self._keep(host.id, {grid: each for grid, each in sessions.items() if grid not in absent}, short)
        for each in short:
            if each.id in absent:
                await self._mend(each, host)

    async def _sessions(self, short: Sequence[_Short]) -> dict[GridId, Session]:
        """New sessions for the grids; one that cannot be had is missing. Raises when none can."""

        async def one(grid: _Short) -> Session | Temporary | Permanent:
            async with self._turns:
                try:
                    return await self._tools.cloud(grid.region).sessions.session(grid.bucket, grid.id)
                except (Temporary, Permanent) as trouble:
                    return trouble

        had = await asyncio.gather(*(one(each) for each in short))
        found = {each.id: session for each, session in zip(short, had, strict=True) if isinstance(session, Session)}
        for each, trouble in zip(short, had, strict=True):
            if isinstance(trouble, Temporary | Permanent):
                if not found:
                    raise trouble
                metrics.LOANS.labels(trouble.code).inc()
                get_logger().warning("lending.no-session", grid=each.id, trouble=str(trouble))
        return found

    async def _keep(self, host_id: HostId, lent: Mapping[GridId, Session], short: Sequence[_Short]) -> None:
        """Until when each is good is on record. While one is missing, the host stays due within minutes."""
        async with self._pool.transaction() as tx:
            await tx.execute(_KEEP, host_id, list(lent), [session.expires_at for session in lent.values()])
            if len(lent) == len(short):
                await tx.execute(_NEXT, host_id, self._clock.now(), self._settings.session_length)
        metrics.LOANS.labels("lent").inc(len(lent))

    async def _mend(self, short: _Short, host: Host) -> None:
        """A grid that should be on the host, and is not, is told to it again."""
        async with self._pool.transaction() as tx:
            await tx.execute("select from grids where id = $1 for no key update", short.id)
            grid = present(await store.grid(tx, short.id))
            is_ours = grid.host is not None and grid.host.id == host.id and grid.wishes == short.wishes
            if not is_ours or grid.stage is not Stage.READY or grid.aim is not Wanted.READY:
                return
            if await breakers.allows(tx, host.region, self._settings):
                with context.bound(context.from_headers(grid.story)):
                    await moves.heed(tx, grid.id, self._clock.now(), anew=True)
                    await tx.post()
        get_logger().warning("grid.absent", grid=short.id, host=host.id)
