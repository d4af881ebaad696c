"""One cluster with light nodes for all tests of this folder; each test has a namespace of its own."""

import uuid
from collections.abc import Iterator

import pytest

from support.cluster import RESTRICTED, Cluster, light_nodes, local_cluster


@pytest.fixture(scope="session")
def cluster_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with local_cluster(folder / "state", light_nodes(folder / "image")) as cluster:
        yield cluster


@pytest.fixture
def cluster(cluster_of_all: Cluster) -> Iterator[Cluster]:
    """The cluster; afterwards nothing is to go wrong any more."""
    yield cluster_of_all
    cluster_of_all.control("DELETE", "/faults")


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace in which pods must be restricted."""
    name = f"t-{uuid.uuid4().hex[:12]}"
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}})
    yield name
    cluster.delete("Namespace", name)
