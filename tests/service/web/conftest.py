"""The real site on a free port, with a real database and peers at the wire."""

from collections.abc import AsyncIterator

import pytest

from s4_store import migrate
from support.web_peers import Browser
from support.web_site import RunningSite, running_site


@pytest.fixture
async def web_database(database: str) -> str:
    await migrate(database, "s4_web")
    return database


@pytest.fixture
async def site(web_database: str) -> AsyncIterator[RunningSite]:
    async with running_site(web_database) as site:
        yield site


@pytest.fixture
async def browser(site: RunningSite) -> AsyncIterator[Browser]:
    async with site.browser() as browser:
        yield browser
