from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from support.bad_input import Trouble, a_trouble
from support.grid_cloud import Cloud, light, local_cloud


@pytest.fixture(scope="session")
def crowd(aws_keys: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The local cloud, with machines that are rows and can misbehave."""
    folder = Path(tmp_path_factory.mktemp("crowd"))
    with local_cloud(folder, light(folder / "image"), "crowd") as cloud:
        yield cloud


@pytest.fixture
async def trouble(database: str, crowd: Cloud) -> AsyncIterator[Trouble]:
    """A deployment with a machine for each grid."""
    async with a_trouble(database, crowd) as trouble:
        yield trouble
