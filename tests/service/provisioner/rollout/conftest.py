from collections.abc import AsyncIterator

import pytest

from support.fleets import a_fleet
from support.operator_cli import Terminal
from support.provisioner import Desk, a_desk_without_aws

SHARED = {"isolation": "shard", "capacity": 50, "memory_mib": 900}


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    """Hosts that are entries in a dictionary; the plan `shared` has hosts in common."""
    fleet = a_fleet(plans={"shared": "many"}, many=SHARED)
    async with a_desk_without_aws(database, fleet=fleet) as desk:
        yield desk


@pytest.fixture
async def terminal(desk: Desk) -> AsyncIterator[Terminal]:
    async with Terminal.of_provisioner(desk) as terminal:
        yield terminal
