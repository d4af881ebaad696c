from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.bad_input import Trouble, a_trouble
from support.cluster import Cluster, light_nodes, local_cluster
from support.driver_scenes import prepare
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


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster whose pods listen and store nothing."""
    folder = Path(tmp_path_factory.mktemp("cluster"))
    with local_cluster(folder / "state", light_nodes(folder / "image")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def way_in(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The provisioner's own, in a cluster that was prepared for it."""
    return prepare(cluster, Path(tmp_path_factory.mktemp("way-in")))
