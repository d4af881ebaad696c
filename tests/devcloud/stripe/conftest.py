"""A stand-in for Stripe on free ports, the real SDK in front of it, and an endpoint for its webhooks."""

import contextlib
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
import stripe
from aiohttp import web
from playwright.async_api import Page

from devcloud.stripe.ends import SECRET_KEY, Control, Endpoint
from devcloud.stripe.lives import Life
from devcloud.stripe.published import problems_with
from devcloud.stripe.sdk import CheckedClient
from devcloud.stripe.stand import settings_for
from s4_devcloud.stripe.server import serving
from s4_devcloud.stripe.world import World
from support.browser import chromium


@contextlib.asynccontextmanager
async def an_endpoint(port: int) -> AsyncIterator[Endpoint]:
    endpoint = Endpoint(f"http://127.0.0.1:{port}/stripe/events")
    app = web.Application()
    app.router.add_post("/stripe/events", endpoint.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield endpoint
    await runner.cleanup()


@pytest.fixture
async def endpoint(free_port: Callable[[], int]) -> AsyncIterator[Endpoint]:
    """The endpoint that the command line names."""
    async with an_endpoint(free_port()) as endpoint:
        yield endpoint


@pytest.fixture
async def second_endpoint(free_port: Callable[[], int]) -> AsyncIterator[Endpoint]:
    """An endpoint that nobody knows yet."""
    async with an_endpoint(free_port()) as endpoint:
        yield endpoint


@pytest.fixture
async def world(free_port: Callable[[], int], endpoint: Endpoint) -> AsyncIterator[World]:
    """A running stand-in."""
    async with serving(settings_for(endpoint, free_port)) as world:
        yield world


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    """A browser that follows no redirect by itself."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page of a real browser."""
    async with chromium() as browser:
        yield await browser.new_page()


@pytest.fixture
def control(world: World, browser: aiohttp.ClientSession) -> Control:
    return Control(f"http://{world.settings.control}", browser)


@pytest.fixture
def http_client() -> CheckedClient:
    """The SDK's transport; every answer that goes through it is held against the published document."""
    return CheckedClient()


@pytest.fixture
async def client(world: World, http_client: CheckedClient) -> AsyncIterator[stripe.StripeClient]:
    """The real SDK, talking to the stand-in."""
    client = stripe.StripeClient(
        SECRET_KEY, base_addresses={"api": world.settings.public_url}, http_client=http_client, max_network_retries=0
    )
    async with contextlib.aclosing(http_client):
        yield client
    found = [problem for answer in http_client.answers for problem in problems_with(answer)]
    assert found == []


@pytest.fixture
def life(client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control) -> Life:
    return Life(client, browser, control)
