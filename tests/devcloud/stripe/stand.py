"""A whole stand-in with everybody around it, for tests that start more than one or none of the usual kind."""

import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import stripe
from aiohttp import web

from devcloud.stripe.ends import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET, Control, Endpoint
from devcloud.stripe.lives import Life
from devcloud.stripe.published import problems_with
from devcloud.stripe.sdk import CheckedClient
from s4_devcloud.stripe.api import Api
from s4_devcloud.stripe.server import serving
from s4_devcloud.stripe.settings import Settings
from s4_devcloud.stripe.world import World
from s4_shop.ports import free_port


@dataclass(frozen=True)
class Stand:
    """A running stand-in, and whoever talks to it; the names are those of the fixtures."""

    world: World
    endpoint: Endpoint
    second_endpoint: Endpoint
    control: Control
    browser: aiohttp.ClientSession
    http_client: CheckedClient
    client: stripe.StripeClient

    def problems(self) -> list[str]:
        """What Stripe's document says against the answers so far."""
        return [problem for answer in self.http_client.answers for problem in problems_with(answer)]

    async def run(self, test: Callable[..., Awaitable[None]], **others: Any) -> None:
        """Run a test of this suite here, with the check that the fixture `client` makes at its end."""
        fixtures = {**vars(self), "life": Life(self.client, self.browser, self.control), **others}
        await test(**{name: fixtures[name] for name in inspect.signature(test).parameters})
        assert self.problems() == []


def settings_for(endpoint: Endpoint, free_port: Callable[[], int]) -> Settings:
    """Of a stand-in that tells this endpoint."""
    listen = f"127.0.0.1:{free_port()}"
    return Settings(
        listen=listen,
        control=f"127.0.0.1:{free_port()}",
        secret_key=SECRET_KEY,
        publishable_key=PUBLISHABLE_KEY,
        public_url=f"http://{listen}",
        webhook_url=endpoint.url,
        webhook_secret=WEBHOOK_SECRET,
        retry_seconds=0.02,
        webhook_timeout_seconds=5.0,
    )


@contextlib.asynccontextmanager
async def standing(spoil: Callable[[World], None] | None = None, api: type[Api] = Api) -> AsyncIterator[Stand]:
    """A fresh stand-in, spoilt if told so."""
    endpoint, second = [Endpoint(f"http://127.0.0.1:{free_port()}/stripe/events") for _ in range(2)]
    settings = settings_for(endpoint, free_port)
    world = World(settings)
    if spoil is not None:
        spoil(world)
    transport = CheckedClient()
    client = stripe.StripeClient(
        SECRET_KEY, base_addresses={"api": settings.public_url}, http_client=transport, max_network_retries=0
    )
    async with (
        _listening(endpoint),
        _listening(second),
        serving(settings, world, api),
        aiohttp.ClientSession() as browser,
        contextlib.aclosing(transport),
    ):
        control = Control(f"http://{settings.control}", browser)
        yield Stand(world, endpoint, second, control, browser, transport, client)


@contextlib.asynccontextmanager
async def _listening(endpoint: Endpoint) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_post("/stripe/events", endpoint.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", int(endpoint.url.split(":")[2].partition("/")[0])).start()
        yield
    finally:
        await runner.cleanup()
