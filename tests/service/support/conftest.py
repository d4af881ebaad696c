from collections.abc import AsyncIterator

import pytest

from support.databases import KeptDatabases
from support.support_page import Operator, SupportPage, support_page


@pytest.fixture
async def support_database(kept_databases: KeptDatabases) -> str:
    """A database with the page's tables and nothing in them."""
    return await kept_databases.of("s4_support")


@pytest.fixture
async def desk(support_database: str) -> AsyncIterator[SupportPage]:
    async with support_page(support_database) as page:
        yield page


@pytest.fixture
async def operator(desk: SupportPage) -> AsyncIterator[Operator]:
    """Ada, who has signed in."""
    async with desk.browser() as operator:
        assert (await operator.sign_in()).status == 303
        yield operator
