"""Each kind of host, for the tests that every driver passes."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.cluster import Cluster, light_nodes, local_cluster
from support.driver_scenes import Scene, ec2_scene, kubernetes_scene, memory_scene, prepare
from support.grid_cloud import Cloud


@pytest.fixture(scope="session")
def cluster_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster whose pods listen and store nothing."""
    folder = Path(tmp_path_factory.mktemp("cluster"))
    with local_cluster(folder / "state", light_nodes(folder / "image")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def way_in(cluster_of_all: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The provisioner's own, in a cluster that was prepared for it."""
    return prepare(cluster_of_all, Path(tmp_path_factory.mktemp("way-in")))


@pytest.fixture
async def on_kubernetes(cluster_of_all: Cluster, way_in: dict[str, Any]) -> AsyncIterator[Scene]:
    async with kubernetes_scene(cluster_of_all, way_in) as scene:
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
