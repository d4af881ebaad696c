"""The invite agent in process: its own database, a real mailbox server, a provisioner that a test directs."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import SystemRandom
from typing import Any

import msgspec
from aiohttp import web

from s4_bus.testing import deliver
from s4_contracts import Event
from s4_contracts.ids import AccountId, GridId, InviteId, SignupId
from s4_contracts.provisioner import FurlIssued
from s4_invites.codes import nameplate_of
from s4_invites.converge import Agent
from s4_invites.desk import Desk
from s4_invites.office import Office, Wanted
from s4_invites.opening import agent
from s4_invites.sealing import Seal
from s4_invites.settings import Settings
from s4_runtime import Backoff, Clock, Secret, SystemClock, new_id
from s4_store import Pool
from s4_store.testing import emitted
from support.mailbox_server import MailboxServer
from support.running import running
from support.waiting import until
from support.web_peers import PROVISIONER_TOKEN, PretendProvisioner

FURL = "pb://2uxmzoqqimpdwowxr24q6w5ekmxcymby@tcp:203.0.113.9:34000/riqhpojvzwxujhna5szkn"
TOKEN = "invites-token-of-the-tests"
SEAL_KEY = base64.b64encode(b"i" * 32).decode()
LEASE = timedelta(seconds=1)
_BACKOFF = Backoff(base=timedelta(milliseconds=50), cap=timedelta(milliseconds=500))


class Furls(PretendProvisioner):
    """The provisioner, which counts what it was asked, also while it is down."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        return await super()._handle(request)


class Invites:
    """The service without its bus. What it tells others is in its outbox."""

    def __init__(self, pool: Pool, mailbox: MailboxServer, provisioner: Furls, clock: Clock) -> None:
        self.pool, self.mailbox, self.provisioner, self.clock = pool, mailbox, provisioner, clock
        self.account, self.grid, self.signup = AccountId(new_id()), GridId(new_id()), SignupId(new_id())
        self.settings = Settings(
            database_url=pool.url,
            amqp_url=Secret("unused"),
            deployment="test",
            listen="unused",
            service_token=Secret(TOKEN),
            provisioner_url=provisioner.url,
            provisioner_token=Secret(PROVISIONER_TOKEN),
            mailbox_url=mailbox.url,
            seal_key=Secret(SEAL_KEY),
            lease=LEASE,
        )
        self.office = self._office()

    def configure(self, **changed: Any) -> None:
        """The service runs with these settings from now on."""
        self.settings = msgspec.structs.replace(self.settings, **changed)
        self.office = self._office()

    async def has_furl(self, grid: GridId | None = None, furl: str = FURL) -> None:
        """A furl was issued for the grid, and the provisioner gives it to the grid's account."""
        grid = grid or self.grid
        event = FurlIssued(
            occurred_at=datetime(2026, 3, 1, tzinfo=UTC),
            account_id=self.account,
            signup_id=self.signup,
            grid_id=grid,
            claim_ref=f"{grid}:1",
        )
        await self.told(event)
        self.provisioner.furls[grid, self.account] = furl

    async def told(self, event: Event) -> None:
        await deliver(self.pool, Desk(self.clock).routes(), event)

    async def opened(self, grid: GridId | None = None) -> dict[str, Any]:
        """A new invite as web is told of it."""
        return await self.office.open(Wanted(InviteId(new_id()), self.account, grid or self.grid))

    async def open(self) -> dict[str, Any]:
        """The same, of a grid that has its furl."""
        await self.has_furl()
        return await self.opened()

    async def now(self, invite: dict[str, Any]) -> dict[str, Any]:
        """The invite as web would show it."""
        found = await self.office.of_grid(self.account, invite["grid_id"])
        return next(each for each in found if each["invite_id"] == invite["invite_id"])

    async def becomes(self, invite: dict[str, Any], state: str, within: float = 20) -> None:
        async def is_there() -> bool:
            return bool((await self.now(invite))["state"] == state)

        await until(is_there, within=within, what=f"an invite that is {state}")

    async def mailbox_is(self, invite: dict[str, Any], state: str) -> None:
        async def is_there() -> bool:
            return bool((await self.now(invite))["mailbox"] == state)

        await until(is_there, within=20, what=f"a mailbox that is {state}")

    async def is_waiting(self, invite: dict[str, Any]) -> None:
        """A first message is at the invite's number: one side waits for the other."""
        nameplate = nameplate_of(invite["code"])
        await until(lambda: self.mailbox.said_at(nameplate) == 1, within=30, what="somebody who waits at the mailbox")

    async def events(self) -> list[Event]:
        return await emitted(self.pool)

    @asynccontextmanager
    async def replica(self, pool: Pool | None = None) -> AsyncIterator[asyncio.Task[None]]:
        """One replica holds invites open for as long as the block lasts."""
        async with self._agent(pool or self.pool) as made, running(made.forever()) as (task,):
            yield task

    def _office(self) -> Office:
        return Office(self.pool, Seal(self.settings.seal_key), self.settings, self.clock, SystemRandom())

    def _agent(self, pool: Pool) -> AbstractAsyncContextManager[Agent]:
        return agent(pool, Seal(self.settings.seal_key), self.settings, self.clock, SystemRandom(), backoff=_BACKOFF)


@asynccontextmanager
async def an_invite_service(
    database: str, mailbox: MailboxServer, clock: Clock | None = None
) -> AsyncIterator[Invites]:
    provisioner = Furls()
    async with provisioner.serving(), Pool.open(database) as pool:
        yield Invites(pool, mailbox, provisioner, clock or SystemClock())
