"""Each kind of host, for the tests that every driver passes."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from support.cluster import Cluster, light_nodes, local_cluster
from support.driver_scenes import Scene, ec2_scene, kubernetes_scene, memory_scene
from support.grid_cloud import Cloud


@pytest.fixture(scope="session")
def cluster_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster whose pods listen and store nothing."""
    folder = Path(tmp_path_factory.mktemp("cluster"))
    with local_cluster(folder / "state", light_nodes(folder / "image")) as cluster:
        yield cluster


@pytest.fixture
async def on_kubernetes(cluster_of_all: Cluster) -> AsyncIterator[Scene]:
    async with kubernetes_scene(cluster_of_all) as scene:
        yield scene


@pytest.fixture
async def on_ec2(cloud: Cloud) -> AsyncIterator[Scene]:
    async with ec2_scene(cloud) as scene:
        yield scene


@pytest.fixture
async def in_memory() -> AsyncIterator[Scene]:
    async with memory_scene() as scene:
        yield scene


@pytest.fixture(params=["in_memory", "on_ec2", "on_kubernetes"])
def scene(request: pytest.FixtureRequest) -> Scene:
    """One kind after the other."""
    found: Scene = request.getfixturevalue(request.param)
    return found
