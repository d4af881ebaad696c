"""One registry and one cluster for all tests of this folder; each test has fresh namespaces."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from s4_ops.deploy.site import ENVIRONMENT, NAMESPACES
from s4_ops.images.keys import SigningKey
from s4_ops.registry.names import Place
from support.cluster import Cluster, light_nodes, local_cluster
from support.infra import needs_program
from support.installation import Counters, Installation, Repository
from support.registries import real_registry
from support.waiting import until


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with needs_program(), real_registry(tmp_path_factory.mktemp("registry")) as place:
        yield place


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with local_cluster(folder / "state", light_nodes(folder / "image")) as cluster:
        yield cluster


@pytest.fixture
def counters() -> Iterator[Counters]:
    made = Counters()
    yield made
    made.close()


@pytest.fixture
def installation(
    cluster: Cluster, place: Place, counters: Counters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    monkeypatch.setenv("S4_AUDIT_FILE", str(tmp_path / "audit.jsonl"))
    monkeypatch.setenv("S4_OPERATOR", "ada")
    for environment, namespace in NAMESPACES.items():
        meta = {"name": namespace, "labels": {ENVIRONMENT: environment}}
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    made = Installation(cluster, place, Repository(tmp_path / "repository"), SigningKey.new(), tmp_path, counters)
    made.pretend("@sha256:")
    made.pretend(" migrate", ends=0)
    yield made
    for namespace in NAMESPACES.values():
        cluster.delete("Namespace", namespace)
    asyncio.run(
        until(
            lambda: not any(cluster.get("Namespace", namespace) for namespace in NAMESPACES.values()),
            within=20,
            what="the namespaces are gone",
        )
    )
