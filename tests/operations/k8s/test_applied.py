"""The real kubectl brings whole overlays to a cluster that enforces Pod Security, and all pods start.

The cluster is the local one: its admission and its controllers do as those of Kubernetes, its containers do nothing. It
has no priorities, no slices of endpoints and no operators, so staging is without what only those know; policies of
admission it keeps without a look (tests/operations/signing has one).
"""

import json
import subprocess
from collections.abc import Iterable, Iterator

import pytest

from support.cluster import Cluster, light_nodes, local_cluster
from support.cluster_objects import secret
from support.manifests import Object, in_environment, render, shapes
from support.manifests.by_hand import local_secrets
from support.manifests.rendering import KUBECTL

pytestmark = pytest.mark.long

NAMESPACES = {"local": "s4-local", "staging": "s4-staging"}
UNKNOWN = {"PriorityClass", "EndpointSlice", "StorageClass", "IngressClass"}
OF_OPERATORS = {kind for _, kind in (*shapes.SPECS, *shapes.WHOLE)}
SERVICES = ("web", "billing", "provisioner", "notifier", "invites", "support", "mailbox")


class Operator:
    """Somebody with kubectl."""

    def __init__(self, cluster: Cluster, environment: str) -> None:
        self._kubeconfig = cluster.kubeconfig
        self.environment, self.namespace = environment, NAMESPACES[environment]

    def says(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [str(KUBECTL), "--kubeconfig", str(self._kubeconfig), "--namespace", self.namespace, *words]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, check=False)

    def applies(self, objects: Iterable[Object]) -> None:
        """Anything refused, or warned about, fails."""
        listed = "\n---\n".join(json.dumps(one) for one in objects)
        done = self.says("apply", "--server-side", "--filename", "-", given=listed)
        assert done.returncode == 0, done.stderr
        assert "would violate PodSecurity" not in done.stderr


def known(folder: str) -> list[Object]:
    """What this cluster has kinds for."""
    return [one for one in render(folder).objects if one["kind"] not in UNKNOWN | OF_OPERATORS]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with local_cluster(folder / "state", light_nodes(folder / "image"), "--node-memory", "32Gi") as cluster:
        for part, does in (("", {}), (" migrate", {"ends": 0}), ("s4_bus apply", {"ends": 0})):
            assert cluster.control("POST", "/images", {"part": part, **does})[0] == 201
        yield cluster


@pytest.fixture(scope="module", params=NAMESPACES)
def operator(cluster: Cluster, request: pytest.FixtureRequest) -> Operator:
    """All is applied as the documentation says: the platform, its secrets, the release."""
    made = Operator(cluster, request.param)
    platform = known(f"overlays/{made.environment}/platform")
    made.applies(one for one in platform if one["kind"] == "Namespace")
    made.applies(secret(made.namespace, name, **texts) for name, texts in local_secrets().items())
    made.applies(one for one in platform if one["kind"] != "Namespace")
    made.applies(known(f"overlays/{made.environment}"))
    return made


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_rolled_out(operator: Operator, service: str) -> None:
    done = operator.says("rollout", "status", f"deployment/{service}", "--timeout=60s")
    assert done.returncode == 0, done.stdout + done.stderr + operator.says("get", "events").stdout


def test_broker_and_database_run(operator: Operator) -> None:
    for one in in_environment(operator.environment).of("StatefulSet"):
        done = operator.says("rollout", "status", f"statefulset/{one['metadata']['name']}", "--timeout=60s")
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_migration_ends_well(operator: Operator) -> None:
    jobs = [one["metadata"]["name"] for one in in_environment(operator.environment).of("Job")]
    done = operator.says("wait", "--for=condition=complete", "--timeout=60s", *(f"job/{name}" for name in jobs))
    assert done.returncode == 0, done.stdout + done.stderr


def test_applied_again_nothing_changes(operator: Operator) -> None:
    def generations() -> dict[str, int]:
        found = json.loads(operator.says("get", "deployments", "--output", "json").stdout)["items"]
        return {one["metadata"]["name"]: one["metadata"]["generation"] for one in found}

    before = generations()
    operator.applies(known(f"overlays/{operator.environment}"))
    assert generations() == before


def test_a_privileged_pod_is_refused_by_the_namespace(operator: Operator) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "shell", "namespace": operator.namespace},
        "spec": {"containers": [{"name": "shell", "image": "any", "securityContext": {"privileged": True}}]},
    }
    done = operator.says("apply", "--server-side", "--filename", "-", given=json.dumps(pod))
    assert done.returncode != 0
    assert "privileged" in done.stderr
