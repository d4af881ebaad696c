from collections.abc import AsyncIterator

import pytest

from support.ward import Ward, a_ward


@pytest.fixture
async def ward(database: str) -> AsyncIterator[Ward]:
    async with a_ward(database) as ward:
        yield ward
