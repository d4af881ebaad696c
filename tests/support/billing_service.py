"""A billing service in this process, and what web asks of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from s4_billing.service import Service
from s4_billing.settings import Settings
from s4_contracts import Event
from s4_contracts.billing import SignupPaid
from s4_runtime import Secret, SystemClock, new_id
from s4_store.testing import emitted
from support.stripe_double import SECRET_KEY, WEBHOOK_SECRET, StripeDouble
from support.waiting import until

TOKEN = "token-of-web"
EMAIL = "buyer@example.org"
PLANS = """
[personal]
name = "Personal"
description = "A grid of your own."
lookup_key = "s4-personal-monthly-1"
amount = 2500
currency = "usd"
interval = "month"
quota_bytes = 1000
region = "us-east-1"

[large]
name = "Large"
description = "A larger grid of your own."
lookup_key = "s4-large-monthly-1"
amount = 9900
currency = "usd"
interval = "month"
quota_bytes = 5000
region = "us-east-1"
"""


class ShiftedClock(SystemClock):
    """The machine's clock, some time ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


def settings_for(database: str, double: StripeDouble, port: int, folder: Path) -> Settings:
    """Settings as the shop gives them, with shorter waits."""
    catalogue = folder / "catalogue.toml"
    catalogue.write_text(PLANS)
    return Settings(
        database_url=Secret(database),
        amqp_url=Secret("amqp://not-used-here"),
        deployment="tests",
        listen=f"127.0.0.1:{port}",
        service_token=Secret(TOKEN),
        stripe_secret_key=Secret(SECRET_KEY),
        stripe_webhook_secrets=[Secret("whsec_next"), Secret(WEBHOOK_SECRET)],
        stripe_api_url=double.api,
        public_url="https://s4.example.org",
        catalogue=catalogue,
        stripe_timeout=timedelta(seconds=1),
        person_patience=timedelta(seconds=4),
        checkouts_per_email=10_000,
        checkouts_per_hour=10_000,
        operator_tokens=[Secret("ada:" + "a" * 32), Secret("bea:" + "b" * 32)],
    )


class Billing:
    """A running service, seen from outside."""

    def __init__(self, service: Service, settings: Settings, double: StripeDouble, clock: ShiftedClock) -> None:
        self.service = service
        self.settings = settings
        self.double = double
        self.clock = clock
        self.url = f"http://{settings.listen}"

    @classmethod
    @asynccontextmanager
    async def running(
        cls, settings: Settings, double: StripeDouble, *, converging: bool = True
    ) -> AsyncIterator["Billing"]:
        """Serve, and handle events unless told not to be `converging`. The end is as sudden as a kill."""
        clock = ShiftedClock()
        async with Service.open(settings, clock, Random(1)) as service:
            runner = web.AppRunner(service.app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            host, _, port = settings.listen.rpartition(":")
            await web.TCPSite(runner, host, int(port)).start()
            loop = asyncio.create_task(service.converger.forever()) if converging else None
            await service.catalogue.check()
            try:
                yield cls(service, settings, double, clock)
            finally:
                if loop is not None:
                    loop.cancel()
                    with suppress(asyncio.CancelledError):
                        await loop
                await runner.cleanup()

    async def call(
        self, method: str, path: str, body: object = None, *, token: str | None = TOKEN
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON of one call."""
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, json=body, headers=headers) as answer,
        ):
            told: dict[str, Any] = await answer.json()
            return answer.status, told

    async def open(self, wish: dict[str, Any]) -> dict[str, Any]:
        """An open checkout."""
        status, told = await self.call("POST", "/checkouts", wish)
        assert status == 200, told
        return told

    async def sync(self, checkout_id: str, session_id: str | None = None) -> dict[str, Any]:
        """What has come of a checkout."""
        status, told = await self.call("POST", f"/checkouts/{checkout_id}/sync", {"session_id": session_id})
        assert status == 200, told
        return told

    async def events(self) -> list[Event]:
        """Everything that was emitted."""
        return await emitted(self.service.pool)

    async def paid_signup(self) -> SignupPaid:
        """The one SignupPaid, as soon as there is one."""
        events = await until(self.events, within=5, what="SignupPaid is emitted")
        (event,) = events
        assert isinstance(event, SignupPaid)
        return event

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.service.pool.fetch(sql)]

    async def quiet(self) -> None:
        """Every delivery has arrived, and every event has been handled."""

        async def is_quiet() -> bool:
            pending = (await self.double.state())["webhooks"]["pending"]
            return not pending and not await self.rows("select 1 from stripe_event where state = 'new'")

        await until(is_quiet, within=10, what="all events are delivered and handled")

    async def calls(self, method: str, path: str) -> int:
        """How many calls of the double did something: not refused, not replayed."""
        made = (await self.double.journal())["requests"]
        return sum(
            1
            for each in made
            if (each["method"], each["path"]) == (method, path) and each["status"] == 200 and not each["replayed"]
        )


def a_wish(**changes: Any) -> dict[str, Any]:
    """What web sends for a new signup."""
    wish = {"checkout_id": new_id(), "account_id": new_id(), "plan": "personal", "email": EMAIL}
    return {**wish, "ui": "hosted", "locale": "en", **changes}


def same(settings: Settings, **changes: Any) -> Settings:
    """The settings with some of them changed."""
    return msgspec.structs.replace(settings, **changes)
