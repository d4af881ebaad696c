"""One Chromium for all tests of a worker, in a loop that lasts as long as it does; a site of its own for each test."""

import inspect
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser as Chromium

from support.browser import chromium
from support.databases import KeptDatabases
from support.web_site import RunningSite, running_site

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here run in the loop that Chromium's connection belongs to."""
    for item in items:
        if item.path.is_relative_to(_HERE) and inspect.iscoroutinefunction(getattr(item, "obj", None)):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chrome() -> AsyncIterator[Chromium]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def site(kept_databases: KeptDatabases) -> AsyncIterator[RunningSite]:
    async with running_site(await kept_databases.of("s4_web")) as site:
        yield site
