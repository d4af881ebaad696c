import asyncio
from collections.abc import Iterator

import pytest

from service.web.openapi.served import Served, served
from support.databases import KeptDatabases


@pytest.fixture(scope="module")
def world(kept_databases: KeptDatabases) -> Iterator[Served]:
    """One site for all the questions of a module."""
    with asyncio.Runner() as runner:
        database = runner.run(kept_databases.of("s4_web", "openapi"))
    with served(database) as world:
        yield world
