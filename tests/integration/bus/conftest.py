from collections.abc import AsyncIterator

import pytest

from s4_store import Pool, migrate
from support.bus import Bus
from support.databases import emptied
from support.infra import TestDatabases


@pytest.fixture(scope="session")
def bus_databases(postgres: TestDatabases) -> tuple[str, str]:
    return postgres.create_database("sender"), postgres.create_database("receiver")


@pytest.fixture
async def bus(bus_databases: tuple[str, str], amqp_url: str) -> AsyncIterator[Bus]:
    """A sender (web) and a receiver (notifier) with a database each, and a broker between them."""
    for url in bus_databases:
        await emptied(url)
        await migrate(url, "s4_store")
    sender, receiver = bus_databases
    async with Pool.open(sender) as near, Pool.open(receiver) as far:
        await far.execute("create table effects (request_id text not null)")
        yield Bus(near, far, amqp_url)
