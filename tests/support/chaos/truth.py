"""What is true of a deployment once everything is over, by the cloud's own account and that of its machines."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from s4_contracts.ids import GridId
from s4_contracts.provisioner import (
    FurlIssued,
    GridDeleted,
    InstanceLost,
    InstanceReady,
    InstanceRecovered,
)
from s4_provisioner import names
from s4_provisioner.fleet import store as hosts
from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import Stage
from s4_store.testing import emitted
from support.chaos.news import Customer
from support.grid_cloud import Cloud
from support.provisioner import Desk

_UNFINISHED = "select id, stage, wanted from hosts where stage <> 'gone' and (stage <> 'ready' or wanted <> 'open')"
_LEFT = """
select 'departure', d.grid_id, d.state, g.stage, g.due_at, h.stage, h.wanted, h.due_at, h.attempts, h.reason, h.pool
from departures d join grids g on g.id = d.grid_id join hosts h on h.id = d.host_id
"""
_BUSY = "select id from grids where lease_token is not null or due_at <= $1"


class Truth:
    """Looks at a desk's deployment."""

    def __init__(self, desk: Desk, cloud: Cloud, customers: Sequence[Customer]) -> None:
        self._desk, self._cloud, self._customers = desk, cloud, customers

    async def failed(self) -> list[Grid]:
        """The grids that wait for a person."""
        return [grid for grid in await self._grids() if grid.stage is Stage.FAILED]

    async def unlike(self) -> list[str]:
        """What is not yet as billing's last words want it, or not yet at rest."""
        found = await self._unrest()
        for customer, grid in zip(self._customers, await self._grids(), strict=True):
            if grid.stage is not customer.end and grid.stage is not Stage.FAILED:
                found.append(f"{grid.id} is {grid.stage} and not {customer.end}")
        return found

    async def _unrest(self) -> list[str]:
        pool, now = self._desk.pool, self._desk.tools.clock.now()
        busy = [f"host {row['id']} {row['stage']} {row['wanted']}" for row in await pool.fetch(_UNFINISHED)]
        left = [" ".join(str(each) for each in row) for row in await pool.fetch(_LEFT)]
        grids = [f"grid {row['id']} is busy" for row in await pool.fetch(_BUSY, now)]
        return [*busy, *left, *grids]

    async def served(self) -> dict[GridId, list[str]]:
        """On which machines' own word which grids run."""
        found: dict[GridId, list[str]] = {}
        for row in await self._desk.pool.fetch("select id from hosts where stage = 'ready'"):
            host = await hosts.host(self._desk.pool, row["id"])
            assert host
            report = await self._desk.tools.driver(host).report(host)
            for grid, told in report.grids.items():
                if told.state == "running":
                    found.setdefault(grid, []).append(host.id)
        return found

    async def wrong(self) -> list[str]:
        """Everything that is not as it must be."""
        served = await self.served()
        wrong = [f"{grid} runs, and is nobody's" for grid in served if grid not in self._ids()]
        for customer, grid in zip(self._customers, await self._grids(), strict=True):
            wrong += await self._of_grid(customer, grid, served.get(grid.id, []))
            wrong += await self._of_news(grid)
        return wrong + await self._ports() + await self._leaks()

    async def _of_grid(self, customer: Customer, grid: Grid, served: list[str]) -> list[str]:
        wrong = []
        is_ready = customer.end is Stage.READY
        if grid.stage is not customer.end:
            wrong.append(f"is {grid.stage} at {grid.failed_stage}, not {customer.end}")
        if served != ([grid.host.id] if is_ready and grid.host else []):
            wrong.append(f"runs on {served}")
        address = self._cloud.control(
            "GET", f"/records?name={names.dns_name(grid.id, self._desk.settings.grid_domain)}"
        )
        if is_ready and str(grid.address) not in str(address):
            wrong.append(f"its name means {address}, and it is at {grid.address}")
        if customer.end is Stage.ABSENT and _values(address):
            wrong.append(f"is gone, and its name means {address}")
        if is_ready and (grid.pool, grid.quota_bytes) != (self._pool(customer), customer.quota_bytes):
            wrong.append(f"is in {grid.pool} with {grid.quota_bytes}, not as {customer.plan}")
        if is_ready and grid.host and grid.host.pool != grid.pool:
            wrong.append(f"is on a host of {grid.host.pool}, not of {grid.pool}")
        return [f"{grid.id} {each}" for each in wrong]

    def _pool(self, customer: Customer) -> str:
        return self._desk.tools.fleet.pool_of(customer.plan)

    async def _of_news(self, grid: Grid) -> list[str]:
        told = [event for event in await emitted(self._desk.pool) if getattr(event, "grid_id", None) == grid.id]
        count = Counter(type(event) for event in told)
        wrong = []
        if not count[InstanceReady] == count[FurlIssued] == (grid.proved_at is not None and _was_ready(told)):
            wrong.append(f"{count[InstanceReady]} times ready, {count[FurlIssued]} furls")
        if count[GridDeleted] != (grid.stage is Stage.ABSENT):
            wrong.append(f"{count[GridDeleted]} times deleted")
        if grid.stage is Stage.READY and not _paired(told):
            wrong.append("lost and not recovered")
        lost = [event.host_id for event in told if isinstance(event, InstanceLost)]
        if len(lost) != len(set(lost)):
            wrong.append("one loss told twice")
        return [f"{grid.id}: {each}" for each in wrong]

    async def _ports(self) -> list[str]:
        rows = await self._desk.pool.fetch(
            "select a.id from grids a join grids b on a.host_id = b.host_id and a.id <> b.id"
            " and abs(a.port - b.port) <= 1"
        )
        return [f"{row['id']} shares a port" for row in rows]

    async def _leaks(self) -> list[str]:
        settings = self._desk.settings
        known = {row["instance_id"] for row in await self._desk.pool.fetch("select * from hosts where stage = 'ready'")}
        machines = {each["InstanceId"] for each in self._cloud.instances(settings.deployment)}
        living = [grid for grid in await self._grids() if grid.stage is not Stage.ABSENT]
        kept = {grid.bucket for grid in living if grid.bucket is not None}
        theirs = {names.bucket(settings.deployment, grid.id) for grid in living}
        buckets = set(self._cloud.buckets(settings.deployment))
        return [
            *(f"machine {each} is nobody's" for each in machines - known),
            *(f"machine {each} is not there" for each in known - machines),
            *(f"bucket {each} is nobody's" for each in buckets - theirs),
            *(f"bucket {each} is not there" for each in kept - buckets),
        ]

    def _ids(self) -> set[GridId]:
        return {customer.grid_id for customer in self._customers}

    async def _grids(self) -> list[Grid]:
        return [await self._desk.grid(customer.grid_id) for customer in self._customers]


def _values(answer: dict[str, Any]) -> object:
    return answer.get("values") or answer.get("addresses") or [each for each in answer.get("records", []) if each]


def _was_ready(told: Sequence[object]) -> bool:
    return any(isinstance(event, InstanceReady) for event in told)


def _paired(told: Sequence[object]) -> bool:
    """The last loss was followed by a recovery, and no recovery came without a loss."""
    is_lost = False
    for event in told:
        if isinstance(event, InstanceLost):
            is_lost = True
        elif isinstance(event, InstanceRecovered):
            if not is_lost:
                return False
            is_lost = False
    return not is_lost
