"""A fleet of hosts that are entries in a dictionary, with grids on them that are served: for tests of their health."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, cast

import msgspec

from s4_aws.sessions import Session
from s4_contracts import Event
from s4_contracts.ids import GridId, HostId
from s4_provisioner.health import breakers
from s4_provisioner.health.breaker import State
from s4_provisioner.health.cheap import CheapLooks
from s4_provisioner.health.greeting import Greeting
from s4_provisioner.health.probing import Probing
from s4_provisioner.health.watch import Watch
from s4_provisioner.lending import Lending
from s4_provisioner.lifecycle import Stage
from s4_provisioner.tools import Tools
from s4_runtime import Clock, new_id
from support.grid_cloud import REGION
from support.memory_hosts import MemoryHosts, MemoryMachine, a_session
from support.provisioner import Desk, a_desk_without_aws
from support.scripted_steps import Script, scripted
from support.waiting import until

_HOST = """
insert into hosts (id, capacity, pool, driver, region, release, zone, wanted, stage, stage_since, created_at, ready_at,
    look_at, lend_at, request, host_key, instance_id, address, is_used, is_full)
values ($1, $2, 'dedicated', 'ec2', $3, 's4-node-*', 'zone-a', 'open', 'ready', $4, $4, $4, $4, $4, '{}', 'key', $5, $6,
    true, true)
"""
_GRID = """
insert into grids (id, account_id, signup_id, subscription_id, plan, pool, region, port, story, wanted, stage,
    stage_since, created_at, proved_at, proof_seconds, host_id, address, sealed_identity, dns_name, bucket, lent_until,
    look_at, probe_at, storage_tub)
values ($1, $2, $3, $4, 'personal', 'dedicated', $5, $6, '{}', 'ready', 'ready', $7, $7, $7, 0.5, $8, $9, 'sealed',
    'g.grids.test', 'bucket', $7::timestamptz + interval '1 hour', $7, $7::timestamptz + interval '30 hours', 'tub')
"""


class MemoryRights:
    """Sessions that no cloud knows; the next ones may be refused."""

    def __init__(self, clock: Clock, lasting: timedelta) -> None:
        self._clock, self._lasting = clock, lasting
        self.had: list[GridId] = []
        self.refused: dict[GridId, Exception] = {}
        self.at_once = self.most_at_once = 0

    async def role_arn(self) -> str:
        return "arn:aws:iam::123456789012:role/s4-test-grids"

    async def session(self, _bucket: str, grid: GridId) -> Session:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if grid in self.refused:
            raise self.refused[grid]
        self.had.append(grid)
        return a_session(self._clock.now() + self._lasting)


class Ward:
    """Hosts and grids, and what a test does with them. Time passes when a test says so."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.pool, self.tools, self.settings = desk, desk.pool, desk.tools, desk.settings
        self.hosts = cast("MemoryHosts", desk.tools.drivers["ec2", REGION])
        self.watch = Watch(desk.pool, desk.tools)
        self.client = Script()  # what the real client finds, next
        self.probing = Probing(desk.pool, desk.tools, scripted(self.client))
        self.unheard: set[GridId] = set()  # whose storage server does not show its certificate
        self.cheap = CheapLooks(desk.pool, desk.tools, self._greet)
        self.rights = MemoryRights(desk.tools.clock, desk.settings.session_length)
        cloud = msgspec.structs.replace(desk.tools.cloud(REGION), sessions=self.rights)
        self.tools = msgspec.structs.replace(desk.tools, clouds={REGION: cloud})
        self.lending = Lending(desk.pool, self.tools)
        self._ports = iter(range(10_000, 30_000, 2))

    async def host(self, grids: int = 1) -> tuple[HostId, list[GridId]]:
        """A host that was ready long ago, with so many ready grids."""
        now, host_id = self.tools.clock.now() - timedelta(days=1), HostId(new_id())
        machine = MemoryMachine(host_id, len(self.hosts.machines) + 1)
        self.hosts.machines[host_id] = machine
        address = str(machine.address)
        await self.pool.execute(_HOST, host_id, max(grids, 1), REGION, now, f"m-{host_id}", address)
        ids = [GridId(new_id()) for _ in range(grids)]
        for grid_id in ids:
            machine.grids[grid_id] = "running"
            people = (new_id(), new_id(), new_id())
            await self.pool.execute(_GRID, grid_id, *people, REGION, next(self._ports), now, host_id, address)
        return host_id, ids

    async def fleet(self, hosts: int, grids: int = 1) -> list[tuple[HostId, list[GridId]]]:
        """So many hosts with so many grids each."""
        return [await self.host(grids) for _ in range(hosts)]

    def machine(self, host_id: HostId) -> MemoryMachine:
        return self.hosts.machines[host_id]

    async def look(self, after: timedelta = timedelta(0)) -> None:
        """Later, every host is looked at once."""
        await self.later(after)
        await self.pool.execute("update hosts set look_at = $1 where look_at is not null", self.tools.clock.now())
        while await self.watch.round():
            pass

    async def look_at_grids(self, after: timedelta = timedelta(0)) -> None:
        """Later, the storage server of every grid is looked for once, and real clients go where they are due."""
        await self.later(after)
        await self.pool.execute("update grids set look_at = $1 where look_at is not null", self.tools.clock.now())
        while await self.cheap.round():
            pass
        await self.probe()

    async def probe(self, after: timedelta = timedelta(0)) -> None:
        """Later, real clients go where they are due."""
        await self.later(after)
        while await self.probing.round():
            pass

    async def _greet(self, _host: str, port: int, _tub: str, _context: object) -> Greeting:
        grid: str | None = await self.pool.fetchval("select id from grids where port = $1", port - 1)
        return "silent" if grid in self.unheard else "there"

    async def lend(self, after: timedelta = timedelta(0)) -> None:
        """Later, sessions are renewed where they must be."""
        await self.later(after)
        while await self.lending.round():
            pass

    def with_buckets(self, buckets: object) -> Tools:
        """The tools, with buckets that answer as these do."""
        cloud = msgspec.structs.replace(self.tools.cloud(REGION), buckets=buckets)
        return msgspec.structs.replace(self.tools, clouds={REGION: cloud})

    async def later(self, by: timedelta) -> None:
        await self.desk.pass_time(by)

    async def told(self, kind: type[Event], grid_id: GridId) -> list[Any]:
        return await self.desk.events(kind, grid_id)

    async def host_of(self, grid_id: GridId) -> HostId | None:
        found: str | None = await self.pool.fetchval("select host_id from grids where id = $1", grid_id)
        return HostId(found) if found else None

    async def of_host(self, host_id: HostId, column: str) -> object:
        return await self.pool.fetchval(f"select {column} from hosts where id = $1", host_id)  # noqa: S608  a column

    async def of_grid(self, grid_id: GridId, column: str) -> object:
        return await self.pool.fetchval(f"select {column} from grids where id = $1", grid_id)  # noqa: S608  a column

    async def lost(self) -> int:
        """How many hosts were given up."""
        found: int = await self.pool.fetchval("select count(*) from hosts where lost_at is not null")
        return found

    async def breaker(self) -> State:
        return await breakers.state_of(self.pool, REGION)

    async def recovers(self, grid_id: GridId, from_host: HostId) -> HostId:
        """The grid is served by another host, and by no other."""

        async def elsewhere() -> bool:
            grid = await self.desk.grid(grid_id)
            return grid.stage is Stage.READY and grid.host is not None and grid.host.id != from_host

        await until(elsewhere, within=30, what="the grid is served elsewhere")
        host = await self.host_of(grid_id)
        assert host
        assert self.hosts.serving(grid_id) == [host]
        return host

    @asynccontextmanager
    async def converging(self, script: Script | None = None) -> AsyncIterator[None]:
        async with self.desk.converging(scripted(script)):
            yield


@asynccontextmanager
async def a_ward(database: str, **changed: object) -> AsyncIterator[Ward]:
    async with a_desk_without_aws(database, **changed) as desk:
        yield Ward(desk)


async def killed(work: Callable[[], Awaitable[object]], after: int) -> bool:
    """The work is ended at its ``after``-th wait, wherever that is; whether it had not ended before."""
    task = asyncio.ensure_future(work())
    for _ in range(after):
        if task.done():
            break
        await asyncio.sleep(0)
    was_running = not task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return was_running
