"""The real site on a free port, with a real database and peers at the wire."""

from collections.abc import AsyncIterator

import pytest

from support.databases import KeptDatabases
from support.web_peers import Browser
from support.web_site import RunningSite, running_site


@pytest.fixture
async def web_database(kept_databases: KeptDatabases) -> str:
    """A database with the site's tables and nothing in them."""
    return await kept_databases.of("s4_web")


@pytest.fixture
async def site(web_database: str) -> AsyncIterator[RunningSite]:
    async with running_site(web_database) as site:
        yield site


@pytest.fixture
async def browser(site: RunningSite) -> AsyncIterator[Browser]:
    async with site.browser() as browser:
        yield browser
