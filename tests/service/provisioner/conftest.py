import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.databases import KeptDatabases
from support.grid_cloud import KEYS, Cloud, baked, light, local_cloud


@pytest.fixture
async def database(kept_databases: KeptDatabases) -> str:
    """A database with the service's tables and nothing in them."""
    return await kept_databases.of("s4_provisioner")


@pytest.fixture(scope="session")
def aws_keys() -> Iterator[None]:
    """The credentials that the local cloud takes are in the environment, where AWS's own chain looks."""
    before = {name: os.environ.get(name) for name in KEYS}
    os.environ.update(KEYS)
    yield
    for name, value in before.items():
        os.environ.pop(name)
        if value is not None:
            os.environ[name] = value


@pytest.fixture(scope="session")
def cloud(aws_keys: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The local cloud, with machines that run nothing."""
    image = light(Path(tmp_path_factory.mktemp("image")))
    with local_cloud(Path(tmp_path_factory.mktemp("cloud")), image) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def tahoe_cloud(aws_keys: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The local cloud, with machines that run Tahoe-LAFS."""
    with local_cloud(Path(tmp_path_factory.mktemp("cloud")), baked()) as cloud:
        yield cloud
