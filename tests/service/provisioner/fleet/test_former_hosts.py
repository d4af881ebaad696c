"""Grids of a release that had no pools: each had a machine alone, with a role of its own and an image that is old."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import cast

import pytest

from s4_aws.machines import Machines
from s4_aws.surroundings import Image, Rule
from s4_contracts.billing import ServiceResumed
from s4_contracts.ids import GridId, HostId, SignupId
from s4_provisioner import moves, ports
from s4_provisioner.drivers.ec2 import Ec2Hosts
from s4_provisioner.fleet.retire import Retire
from s4_provisioner.lifecycle import Stage
from s4_provisioner.names import grid_of_signup
from s4_provisioner.ssh import Ssh
from s4_runtime import SystemClock, new_id
from s4_store import Pool, migrate
from s4_store.migrate import migrations_of
from support.grid_cloud import REGION
from support.memory_hosts import MemoryHosts, MemoryMachine
from support.provisioner import Desk, a_desk_without_aws, some_settings
from support.scripted_steps import scripted
from support.waiting import until

FORMER = 3  # the last migration of that release
_HOST = """
insert into hosts (id, capacity, region, launch, sealed_host_key, host_key, announced_from, instance_id, address,
    created_at) values ($1, 1, $2, '{}', 'sealed', 'key', 1700000000, $3, $4, $5)
"""
_GRID = """
insert into grids (id, account_id, signup_id, subscription_id, plan, story, wanted, stage, stage_since, sealed_identity,
    bucket, dns_name, host_id, proved_at, failed_stage, created_at, due_at)
values ($1, $2, $3, $4, 'personal', '{}', $5, $6, $7, 'sealed', 'bucket', 'g.grids.test', $8, $9, $10, $7, $11)
"""


class Former:
    """The database of that release, and machines that the platform still has."""

    def __init__(self, url: str) -> None:
        self.url, self.now = url, SystemClock().now() - timedelta(days=30)
        self.grids: dict[str, GridId] = {}
        self.machines: dict[HostId, MemoryMachine] = {}

    async def a_grid(
        self, name: str, stage: Stage, *, wanted: str = "ready", has_address: bool = True, failed: Stage | None = None
    ) -> None:
        """A grid in this stage, with a machine."""
        host, signup = HostId(new_id()), SignupId(new_id())
        machine = self.machines[host] = MemoryMachine(host, len(self.machines) + 1)
        grid_id = self.grids[name] = grid_of_signup(signup)
        is_served = stage not in {Stage.SUSPENDED, Stage.BOOT}
        machine.grids |= {grid_id: "running" if is_served else "stopped"} if has_address else {}
        proved = self.now if stage in {Stage.READY, Stage.SUSPENDED, Stage.UNNAME} else None
        due = None if stage in {Stage.READY, Stage.SUSPENDED, Stage.FAILED} else self.now
        async with Pool.open(self.url) as pool:
            address = str(machine.address) if has_address else None
            await pool.execute(_HOST, host, REGION, f"m-{host}", address, self.now)
            ids = (new_id(), signup, new_id())
            await pool.execute(_GRID, grid_id, *ids, wanted, stage, self.now, host, proved, failed, due)
            await pool.execute(
                "insert into steps (grid_id, step, began_at) select $1, $2, $3 where $4",
                *(grid_id, stage, self.now, due is not None),
            )


@pytest.fixture
async def former(new_database: str) -> Former:
    await migrate(new_database, "s4_store")
    async with Pool.open(new_database) as pool, pool.transaction() as tx:
        for each in migrations_of("s4_provisioner")[:FORMER]:
            await tx.execute(each.sql)
            await tx.execute(
                "insert into applied_migrations (package, name, checksum) values ($1, $2, $3)",
                *(each.package, each.name, each.checksum),
            )
    return Former(new_database)


@asynccontextmanager
async def upgraded(former: Former) -> AsyncIterator[Desk]:
    """This release, where that one was."""
    await migrate(former.url, "s4_provisioner")
    async with a_desk_without_aws(former.url) as desk:
        cast("MemoryHosts", desk.tools.drivers["ec2", REGION]).machines |= former.machines
        yield desk


async def is_where(desk: Desk, grid_id: GridId, machines: dict[HostId, MemoryMachine]) -> bool:
    """Whether the grid is ready, and on none of these."""
    await Retire(desk.pool, desk.tools).round()
    grid = await desk.grid(grid_id)
    return grid.stage is Stage.READY and grid.host is not None and grid.host.id not in machines


async def test_grids_that_were_served_are_served_on_and_move_with_the_furl_that_they_have(former: Former) -> None:
    await former.a_grid("ready", Stage.READY)
    async with upgraded(former) as desk:
        grid_id = former.grids["ready"]
        (old,) = former.machines.values()
        async with desk.converging(scripted()):
            before = await desk.grid(grid_id)
            assert before.host is not None
            assert (before.stage, before.host.id, before.port) == (Stage.READY, old.host_id, 34561)
            assert str(before.address) == str(old.address)
            assert old.grids == {grid_id: "running"}
            await until(lambda: is_where(desk, grid_id, former.machines), within=30, what="the grid moved")
            await until(lambda: old.state == "gone", within=30, what="the machine is gone")
        after = await desk.grid(grid_id)
        assert (after.port, after.bucket, after.dns_name) == (34561, "bucket", "g.grids.test")
        assert after.announced_from > 1700000000
        assert old.payloads == {}, "its image would refuse what nodes are told now"


@pytest.mark.parametrize(
    ("stage", "has_address"), [(Stage.BOOT, False), (Stage.BOOT, True), (Stage.NODE, True), (Stage.PROOF, True)]
)
async def test_grids_that_were_half_built_are_made_on_another_host(
    former: Former, stage: Stage, *, has_address: bool
) -> None:
    await former.a_grid("half", stage, has_address=has_address)
    async with upgraded(former) as desk:
        grid_id = former.grids["half"]
        (old,) = former.machines.values()
        async with desk.converging(scripted()):
            grid = await desk.comes_to(grid_id, Stage.READY)
            await until(lambda: old.state == "gone", within=30, what="the machine is gone")
        assert grid.host is not None
        assert grid.host.id != old.host_id
        assert old.payloads == {}


async def test_a_suspended_grid_keeps_no_machine_and_is_served_again_elsewhere(former: Former) -> None:
    await former.a_grid("resting", Stage.SUSPENDED, wanted="suspended")
    async with upgraded(former) as desk:
        grid_id = former.grids["resting"]
        (old,) = former.machines.values()
        async with desk.converging(scripted()):
            await until(lambda: old.state == "gone", within=30, what="the machine is gone")
            grid = await desk.grid(grid_id)
            assert (grid.stage, grid.host) == (Stage.SUSPENDED, None)
            await desk.tell(
                ServiceResumed(
                    occurred_at=desk.tools.clock.now(),
                    account_id=grid.account_id,
                    signup_id=grid.signup_id,
                    subscription_id=grid.subscription_id,
                    revision=1,
                )
            )
            assert (await desk.comes_to(grid_id, Stage.READY)).host is not None


async def test_a_grid_that_was_being_removed_is_removed(former: Former) -> None:
    await former.a_grid("leaving", Stage.UNNAME, wanted="absent")
    async with upgraded(former) as desk:
        (old,) = former.machines.values()
        async with desk.converging(scripted()):
            await desk.comes_to(former.grids["leaving"], Stage.ABSENT)
            await until(lambda: old.state == "gone", within=30, what="the machine is gone")


async def test_a_grid_that_failed_is_made_elsewhere_when_a_person_says_so(former: Former) -> None:
    await former.a_grid("failed", Stage.FAILED, failed=Stage.BOOT)
    async with upgraded(former) as desk:
        grid_id = former.grids["failed"]
        async with desk.converging(scripted()):
            async with desk.pool.transaction() as tx:
                await moves.heed(tx, grid_id, desk.tools.clock.now(), retry=True)
            assert (await desk.comes_to(grid_id, Stage.READY)).host is not None


class Groups:
    """Keeps what the security group is to let in."""

    def __init__(self) -> None:
        self.rules: set[Rule] = set()

    async def image(self, name: str) -> Image:
        return Image(id="ami-1", root_device="/dev/sda1", name=name, created="")

    async def security_group(self, _name: str, rules: tuple[Rule, ...], _tags: dict[str, str]) -> str:
        self.rules = set(rules)
        return "sg-1"


async def test_the_ports_that_grids_had_then_stay_open() -> None:
    groups, settings = Groups(), some_settings("")
    ssh = Ssh(settings.ssh_key, settings.host_user, settings.ssh_port)
    usual = ports.read("10000-32767")
    hosts = Ec2Hosts(cast("Machines", groups), ssh=ssh, settings=settings, ports=usual, clock=SystemClock())

    await hosts.common("s4-node-*")

    assert {Rule(10000, 32767), Rule(34561, 34562)} <= groups.rules
