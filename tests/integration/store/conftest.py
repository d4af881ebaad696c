from collections.abc import AsyncIterator

import pytest

from s4_store import Pool, migrate
from support.databases import emptied
from support.infra import TestDatabases


@pytest.fixture(scope="session")
def store_database(postgres: TestDatabases) -> str:
    return postgres.create_database("store")


@pytest.fixture
async def database(store_database: str) -> str:
    """The url of an empty database, which the tests of this folder share."""
    await emptied(store_database)
    return store_database


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """A pool on a database with the tables of s4_store and one of a service."""
    await migrate(database, "s4_store")
    async with Pool.open(database) as opened:
        await opened.execute("create table notes (id int primary key, text text not null)")
        yield opened
