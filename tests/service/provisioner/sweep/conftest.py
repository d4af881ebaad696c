from collections.abc import AsyncIterator

import pytest

from support.grid_cloud import Cloud
from support.operator_cli import Terminal
from support.provisioner import Desk, a_desk


@pytest.fixture
async def desk(database: str, cloud: Cloud) -> AsyncIterator[Desk]:
    async with a_desk(database, cloud) as desk:
        yield desk


@pytest.fixture
async def terminal(desk: Desk) -> AsyncIterator[Terminal]:
    async with Terminal.of_provisioner(desk) as terminal:
        yield terminal
