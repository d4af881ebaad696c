"""A deployment on the local cloud to which something bad happens, and what people see of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from prometheus_client import REGISTRY

from s4_contracts.ids import GridId
from s4_contracts.provisioner import ProvisioningFailed
from s4_provisioner import moves
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.grids import Grid
from s4_provisioner.health.watch import Watch
from s4_provisioner.lifecycle import Stage
from s4_runtime import Secret
from support.fleets import a_fleet
from support.grid_cloud import REGION, Cloud
from support.operator_cli import Terminal
from support.provisioner import Desk, a_desk, a_payment, an_ssh_key
from support.waiting import until

AT_ONCE = timedelta(0)
QUICK = {
    "fleet": a_fleet(alone={"max_age": None}),
    "patience": timedelta(seconds=1),
    "boot_limit": timedelta(seconds=2),
    "silent_limit": AT_ONCE,
    "check_every": AT_ONCE,
    "report_every": AT_ONCE,
}


class Trouble:
    """The deployment, and who looks after it."""

    def __init__(self, desk: Desk, cloud: Cloud) -> None:
        self.desk, self.cloud = desk, cloud

    async def ready(self, plan: str = "personal") -> tuple[GridId, Host]:
        """One more grid that is served, and its host."""
        async with self.desk.converging():
            grid_id = await self.desk.pay(a_payment(plan=plan))
            grid = await self.desk.comes_to(grid_id, Stage.READY, within=60)
        assert grid.host
        return grid_id, grid.host

    async def comes_back(self, grid_id: GridId) -> Grid:
        """The grid once it is ready, without a person."""
        async with self.desk.converging():
            return await self.desk.comes_to(grid_id, Stage.READY, within=90)

    async def fails(self, grid_id: GridId) -> ProvisioningFailed:
        """What was told of the grid that could not be had; it happened once."""
        async with self.desk.converging():
            await until(lambda: self.desk.events(ProvisioningFailed, grid_id), within=60, what="the failure is told")
        failed: ProvisioningFailed
        (failed,) = await self.desk.events(ProvisioningFailed, grid_id)
        return failed

    async def recovers(self, grid_id: GridId) -> Grid:
        """The grid is ready after a person said that it may go on."""
        async with self.desk.converging():
            assert await moves.again(self.desk.pool, grid_id, Stage.FAILED, self.desk.tools.clock)
            return await self.desk.comes_to(grid_id, Stage.READY, within=60)

    def boots_badly(self, **behaviour: Any) -> None:
        """The next machine does so from its first moment on."""
        self.cloud.break_next("bad-boot", behaviour=behaviour)

    def behaves(self, host: Host, **behaviour: Any) -> None:
        """The machine does so from now on; without anything, it is well."""
        self.cloud.control("POST", "/faults", {"kind": "behave", "instance_id": host.instance_id, **behaviour})

    async def look(self) -> None:
        """All hosts were looked at."""
        await self.desk.pool.execute(
            "update hosts set look_at = $1 where look_at is not null", self.desk.tools.clock.now()
        )
        await Watch(self.desk.pool, self.desk.tools).round()

    async def seen(self, *words: str) -> dict[str, Any]:
        """What an operator is shown."""
        async with Terminal.of_provisioner(self.desk) as terminal:
            return await terminal.json(*words)

    async def gone(self, host: Host) -> None:
        """The host is on record as gone."""
        sql = "select stage = 'gone' from hosts where id = $1"
        await until(lambda: self.desk.pool.fetchval(sql, host.id), within=30, what="the host is gone")

    def living(self) -> list[str]:
        """The machines that cost money."""
        return sorted(each["InstanceId"] for each in self.cloud.instances(self.desk.settings.deployment))

    def ended(self) -> int:
        """How many machines were given up."""
        return len(self.cloud.instances(self.desk.settings.deployment, "shutting-down", "terminated"))


def shown(metric: str, **labels: str) -> float:
    """What the metric says now."""
    return REGISTRY.get_sample_value(metric, labels) or 0.0


def unwell(code: str) -> float:
    """How many hosts an alert sees with this."""
    return shown("provisioner_hosts_unwell", region=REGION, code=code)


@asynccontextmanager
async def a_trouble(database: str, cloud: Cloud, **changed: Any) -> AsyncIterator[Trouble]:
    """A deployment with these settings; nothing is wrong with the cloud afterwards."""
    async with a_desk(database, cloud, **QUICK | changed) as desk:
        yield Trouble(desk, cloud)
    cloud.mend()


def one_deployment(name: str) -> dict[str, Any]:
    """Settings that two runs of one deployment share."""
    return {"deployment": name, "ssh_key": Secret(_KEY)}


_KEY = an_ssh_key()
