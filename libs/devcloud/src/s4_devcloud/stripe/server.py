"""The two listeners: the API with its pages, and the control port."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from s4_devcloud.stripe.api import Api
from s4_devcloud.stripe.control import Control
from s4_devcloud.stripe.pages.handlers import Pages
from s4_devcloud.stripe.settings import Settings, split_address
from s4_devcloud.stripe.world import World

_TICK_SECONDS = 1.0  # how late an expiry may be noticed when nobody asks
_GRACE_SECONDS = 0.2  # for open connections at the end; whoever still waits was told to


@contextlib.asynccontextmanager
async def serving(settings: Settings, world: World | None = None, api: type[Api] = Api) -> AsyncIterator[World]:
    """Both listeners are up within the block, and webhooks are delivered. Tests may bring a world of their own."""
    world = world or World(settings)
    front = web.Application()
    Pages(world).mount(front)
    api(world).mount(front)
    async with (
        _listening(front, settings.listen),
        _listening(Control(world).application(), settings.control),
        asyncio.TaskGroup() as group,
    ):
        background = [group.create_task(world.webhooks.run()), group.create_task(_tick(world))]
        try:
            yield world
        finally:
            for task in background:
                task.cancel()


@contextlib.asynccontextmanager
async def _listening(app: web.Application, address: str) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_GRACE_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, *split_address(address)).start()
        yield
    finally:
        await runner.cleanup()


async def _tick(world: World) -> None:
    """Let time pass even when nobody asks."""
    while True:
        await asyncio.sleep(_TICK_SECONDS)
        world.catch_up()
