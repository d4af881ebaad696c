from collections.abc import AsyncIterator

import pytest

from s4_store import Pool, migrate


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """A pool on a database with the tables of s4_store and one of a service."""
    await migrate(database, "s4_store")
    async with Pool.open(database) as opened:
        await opened.execute("create table notes (id int primary key, text text not null)")
        yield opened
