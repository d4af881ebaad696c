from collections.abc import AsyncIterator

import pytest

from s4_store import Pool
from support.bus import Bus
from support.databases import KeptDatabases

EFFECTS = "create table effects (request_id text not null)"


@pytest.fixture
async def bus(kept_databases: KeptDatabases, amqp_url: str) -> AsyncIterator[Bus]:
    """A sender (web) and a receiver (notifier) with a database each, and a broker between them."""
    sender = await kept_databases.of("s4_store", "sender")
    receiver = await kept_databases.of("s4_store", "receiver", and_tables=EFFECTS)
    async with Pool.open(sender) as near, Pool.open(receiver) as far:
        yield Bus(near, far, amqp_url)
