"""The notifier in process, with a database and a mail server that are real."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from s4_bus.testing import deliver
from s4_contracts import Event
from s4_contracts.billing import SignupPaid
from s4_contracts.ids import AccountId, GridId, RequestId, SignupId
from s4_contracts.provisioner import FurlIssued
from s4_contracts.web import InviteRequested
from s4_notifier.letters import Desk
from s4_notifier.links import Links
from s4_notifier.mailer import Mailer
from s4_notifier.postman import Postman
from s4_notifier.render import Letters
from s4_notifier.returns.door import Door
from s4_notifier.returns.verp import Returns
from s4_notifier.rounds import Rounds
from s4_notifier.settings import Settings
from s4_runtime import Secret
from s4_runtime.testing import ManualClock
from s4_store import Pool
from support.mail_sink import PASSWORD, USER, MailSink
from support.news import START, Life

KEY = Ed25519PrivateKey.generate()
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
READER = "reader@example.org"


class Owner(msgspec.Struct):
    """Of one grid."""

    account_id: AccountId
    signup_id: SignupId
    grid_id: GridId


class Notifier:
    """The service with its own database, a mail sink and a clock that the test moves."""

    def __init__(self, pool: Pool, sink: MailSink, clock: ManualClock) -> None:
        self.pool, self.sink, self.clock = pool, sink, clock
        self.life = Life()
        self.account, self.grid = self.life.account, self.life.grid
        self.settings = Settings(
            database_url=pool.url,
            amqp_url=Secret("unused"),
            deployment="test",
            smtp_host=sink.host,
            smtp_port=sink.port,
            smtp_user=USER,
            smtp_password=Secret(PASSWORD),
            smtp_ca=sink.certificate,
            mail_from="S4 <hello@s4.example>",
            public_url="https://s4.example",
            claim_private_key=Secret(PEM),
        )
        self.routes = Desk(clock, self.settings).routes()

    def configure(self, **changed: Any) -> None:
        """The service runs with these settings from now on."""
        self.settings = msgspec.structs.replace(self.settings, **changed)
        self.routes = Desk(self.clock, self.settings).routes()

    @asynccontextmanager
    async def taking_reports(self, port: int = 0, **changed: Any) -> AsyncIterator[str]:
        """Letters ask for reports, which are taken at the address given."""
        self.configure(reports_listen="unused", **changed)
        door = Door(self.pool, Returns(self.settings), self.clock, self.settings)
        server = await asyncio.get_running_loop().create_server(door.session, "127.0.0.1", port)
        host, port = server.sockets[0].getsockname()
        async with server:
            yield f"{host}:{port}"

    def replica(self) -> Rounds:
        returns = Returns(self.settings) if self.settings.reports_listen else None
        postman = Postman(
            self.pool,
            links=Links(self.settings),
            letters=Letters(self.settings.mail_from, self.settings.public_url, returns),
            mailer=Mailer(self.settings),
            clock=self.clock,
            random=Random(1),
            give_up_after=self.settings.give_up_after,
            returns=returns,
        )
        return Rounds(self.pool, postman, self.clock, 4)

    def owner(self) -> "Owner":
        """Whose letters these are."""
        return Owner(self.account, self.life.signup, self.grid)

    async def paid(self) -> None:
        event = SignupPaid(
            occurred_at=START,
            account_id=self.account,
            signup_id=self.life.signup,
            subscription_id=self.life.subscription,
            plan="personal",
            email=READER,
        )
        await self.told(event)

    async def furl_issued(self) -> None:
        event = FurlIssued(
            occurred_at=START,
            account_id=self.account,
            signup_id=self.life.signup,
            grid_id=self.grid,
            claim_ref=f"{self.grid}:1",
        )
        await self.told(event)

    async def invite_requested(self, request: str) -> None:
        event = InviteRequested(
            occurred_at=START, account_id=self.account, grid_id=self.grid, request_id=RequestId(request)
        )
        await self.told(event)

    async def told(self, *events: Event) -> None:
        for event in events:
            await deliver(self.pool, self.routes, event)

    async def read_after(self, time: timedelta) -> list[str]:
        """The subjects of the letters that have arrived by then, the oldest first."""
        await self.clock.advance(time)
        return await self.read()

    async def read(self) -> list[str]:
        """The subjects of the letters that have arrived once everything due was tried, the oldest first."""
        while await self.replica().one():
            pass
        return [letter["subject"] for letter in reversed(await self.sink.letters(READER))]
