"""The provisioner's parts in a test: settings for the local cloud, a payment, and convergers to run and to kill."""

import asyncio
import base64
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import asyncssh
import msgspec

from s4_aws.clients import Clients
from s4_aws.pace import Pace
from s4_bus.testing import deliver
from s4_contracts import Event
from s4_contracts.billing import SignupPaid
from s4_contracts.ids import AccountId, GridId, SignupId, SubscriptionId
from s4_provisioner import ports, store
from s4_provisioner.converge import Converger
from s4_provisioner.fleet import store as hosts
from s4_provisioner.fleet.converge import Hosts
from s4_provisioner.fleet.warm import Warm
from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import DOWN, Stage
from s4_provisioner.names import grid_of_signup
from s4_provisioner.settings import Settings
from s4_provisioner.steps import STEPS, Step
from s4_provisioner.tools import Tools, open_tools, tools_of
from s4_provisioner.wishes import Wishes
from s4_runtime import Clock, Secret, SystemClock, Temporary, new_id
from s4_store import Pool
from s4_store.testing import emitted
from support.grid_cloud import REGION, ZONE, Cloud
from support.memory_hosts import MemoryHosts
from support.waiting import until

TOKEN = "provisioner-token-of-the-tests"
# Frozen while it was removed, a grid rests on the way down.
RESTS = [Stage.READY, Stage.SUSPENDED, Stage.ABSENT, Stage.FAILED, *DOWN]
# Says that all is well, as fast as a program can.
CONTENTED_PROBE = [sys.executable, "-c", 'print(\'{"ok":true,"total_seconds":0.25}\')']


def an_ssh_key() -> str:
    return asyncssh.generate_private_key("ssh-ed25519").export_private_key("openssh").decode()


def some_settings(database: str, cloud: Cloud | None = None, **changed: Any) -> Settings:
    """Settings of one deployment; waits are short."""
    chosen: dict[str, Any] = {
        "database_url": Secret(database),
        "amqp_url": Secret("amqp://nowhere"),
        "deployment": f"t{uuid.uuid4().hex[:10]}",
        "listen": "127.0.0.1:0",
        "service_token": Secret(TOKEN),
        "seal_key": Secret(base64.b64encode(b"k" * 32).decode()),
        "ssh_key": Secret(an_ssh_key()),
        "aws_region": REGION,
        "grid_domain": ZONE,
        "hosted_zone": ZONE,
        "furl_address_hint": True,
        "grid_ports": "34000-34199",
        "instance_type": "t3.small",
        "retry_base": timedelta(milliseconds=20),
        "retry_cap": timedelta(milliseconds=100),
        "lease": timedelta(seconds=5),
        "poll": timedelta(milliseconds=50),
        "kept_at_least": timedelta(0),
        "probe_command": CONTENTED_PROBE,
    }
    if cloud is not None:
        chosen |= {"aws_endpoint_url": cloud.endpoint, "ssh_port": cloud.ssh_port, "host_user": cloud.ssh_user}
    return Settings(**chosen | changed)


def a_payment(signup_id: str | None = None, quota_bytes: int | None = 10**12, plan: str = "personal") -> SignupPaid:
    return SignupPaid(
        occurred_at=SystemClock().now(),
        account_id=AccountId(new_id()),
        signup_id=SignupId(signup_id or new_id()),
        subscription_id=SubscriptionId(new_id()),
        plan=plan,
        email="somebody@example.test",
        quota_bytes=quota_bytes,
    )


class Calendar(SystemClock):
    """The machine's own clock, put forward by a test."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


class Desk:
    """One provisioner's database and tools, and what a test does with them."""

    def __init__(self, pool: Pool, tools: Tools, calendar: Calendar) -> None:
        self.pool = pool
        self.tools = tools
        self.settings = tools.settings
        self.calendar = calendar

    async def pay(self, payment: SignupPaid | None = None, event_id: str | None = None) -> GridId:
        """The payment was told; the grid that it leads to."""
        payment = payment or a_payment()
        await self.tell(payment, event_id)
        return grid_of_signup(payment.signup_id)

    async def tell(self, event: Event, event_id: str | None = None) -> None:
        """The provisioner heard it."""
        settings = self.settings
        wishes = Wishes(
            *(self.tools.clock, self.tools.fleet, ports.read(settings.grid_ports)),
            *(settings.kept_at_least, settings.erasure_delay),
        )
        await deliver(self.pool, wishes.routes(), event, event_id=event_id)

    async def pass_time(self, by: timedelta) -> None:
        """It is later, and convergers look at the clock."""
        self.calendar.ahead += by
        async with self.pool.transaction() as tx:
            await store.wake(tx)
            await hosts.wake(tx)

    async def put_off(self, grid_id: GridId, by: timedelta = timedelta(seconds=1)) -> None:
        """What is to be done for the grid was put off, by at least this when it was done."""
        later = self.tools.clock.now() + by
        sql = "select lease_token is null and due_at > $2 from grids where id = $1"
        await until(lambda: self.pool.fetchval(sql, grid_id, later), within=30, what="the grid is put off")

    async def rests(self, grid_id: GridId) -> Grid:
        """The grid once nothing is being done for it, and nothing is due now."""
        resting = (
            "select lease_token is null and (due_at is null or due_at > $2 and stage <> all($4)) and stage = any($3)"
            " from grids where id = $1"
        )
        is_resting = partial(self.pool.fetchval, resting, grid_id, self.tools.clock.now(), RESTS, list(DOWN))
        await until(is_resting, within=30, what="the grid rests")
        return await self.grid(grid_id)

    async def grid(self, grid_id: GridId) -> Grid:
        found = await store.grid(self.pool, grid_id)
        assert found
        return found

    async def events(self, kind: type[Event], grid_id: GridId) -> list[Any]:
        """What was told about the grid, of one kind, in order."""
        return [event for event in await emitted(self.pool) if isinstance(event, kind) and _grid(event) == grid_id]

    async def steps(self, grid_id: GridId) -> list[tuple[str, str | None]]:
        """The timeline: step and outcome."""
        return [(row["step"], row["outcome"]) for row in await store.timeline(self.pool, grid_id)]

    @asynccontextmanager
    async def converging(
        self, steps: Mapping[Stage, Step] = STEPS, **changed: Any
    ) -> AsyncIterator[asyncio.Task[None]]:
        """A converger runs while the block does, and one of hosts, with settings changed if need be."""
        settings = msgspec.structs.replace(self.settings, **changed)
        tools = msgspec.structs.replace(self.tools, settings=settings)
        task = asyncio.create_task(Converger(self.pool, tools, Random(7), steps).forever())
        machines = asyncio.create_task(Hosts(self.pool, tools, Random(8)).forever())
        stock = asyncio.create_task(Warm(self.pool, tools, Random(9)).forever())
        try:
            yield task
        finally:
            for each in (task, machines, stock):
                each.cancel()
                with suppress(asyncio.CancelledError):
                    await each

    async def comes_to(self, grid_id: GridId, stage: Stage, within: float = 30) -> Grid:
        async def settled() -> bool:
            try:
                return (await self.grid(grid_id)).stage in {stage, Stage.FAILED}
            except Temporary:  # a test may have cut the database off
                return False

        await until(settled, within=within, what=f"the grid comes to {stage.value}")
        grid = await self.grid(grid_id)
        assert grid.stage is stage, f"failed at {await self.steps(grid_id)}"
        return grid


def _grid(event: Event) -> object:
    return getattr(event, "grid_id", None)


@asynccontextmanager
async def a_desk(database: str, cloud: Cloud, **changed: Any) -> AsyncIterator[Desk]:
    """A migrated database and open tools; the deployment's machines are gone afterwards."""
    settings = some_settings(database, cloud, **changed)
    calendar = Calendar()
    async with Pool.open(database) as pool, open_tools(settings, calendar, pool) as tools:
        try:
            yield Desk(pool, tools, calendar)
        finally:
            await asyncio.to_thread(cloud.end_machines, settings.deployment)


@asynccontextmanager
async def a_desk_without_aws(database: str, **changed: Any) -> AsyncIterator[Desk]:
    """A migrated database and tools for which AWS cannot be reached: enough for scripted steps, and quickly opened."""
    settings = some_settings(database, **changed)
    calendar = Calendar()
    async with Pool.open(database) as pool:
        yield Desk(pool, tools_without_aws(settings, calendar, pool), calendar)


def tools_without_aws(settings: Settings, clock: Clock, pool: Pool) -> Tools:
    """Tools for which AWS cannot be reached; hosts are entries in a dictionary."""
    away = NoAws()
    clients = Clients(
        region=REGION, pace=Pace(clock), ec2=away, s3=away, sts=away, quotas=away, tagging=away, iam=away, route53=away
    )
    tools = tools_of(settings, clock, pool, {REGION: clients})
    return msgspec.structs.replace(tools, drivers={("ec2", REGION): MemoryHosts(clock)})


class NoAws:
    """Every call finds no connection."""

    def get_paginator(self, _call: str) -> Any:
        """No page can be had either."""
        raise ConnectionRefusedError

    def __getattr__(self, _call: str) -> Callable[..., Awaitable[None]]:
        async def refuse(**_parameters: object) -> None:
            raise ConnectionRefusedError

        return refuse


def real_probe(cloud: Cloud) -> list[str]:
    """The probe that is a real Tahoe-LAFS client."""
    return [str(Path(cloud.image.programs) / "s4-node"), "probe"]


def real_tahoe(cloud: Cloud, folder: Path) -> Path:
    """A program in the folder that is an unmodified Tahoe-LAFS client: the image's own knows another place."""
    programs = cloud.image.programs.parent / "node" / "bin"
    program = folder / "tahoe"
    program.write_text(f'#!/bin/sh\nexec {programs}/python {programs}/tahoe "$@"\n')
    program.chmod(0o755)
    return program
