"""The real kubectl brings whole overlays to a cluster that enforces Pod Security, and all pods start.

The cluster is the local one: its admission, our policies among it, and its controllers do as those of Kubernetes; its
containers do nothing, and nobody does anything about the objects of operators.
"""

import copy
import json
import subprocess
from collections.abc import Iterable, Iterator

import pytest

from support.cluster import Cluster, light_nodes, local_cluster
from support.cluster_objects import secret
from support.manifests import Manifests, Object, connected, in_environment, render
from support.manifests.by_hand import local_secrets
from support.manifests.rendering import KUBECTL

pytestmark = pytest.mark.long

NAMESPACES = {"local": "s4-local", "staging": "s4-staging"}
SERVICES = ("web", "billing", "provisioner", "notifier", "invites", "support", "mailbox")


class Operator:
    """Somebody with kubectl."""

    def __init__(self, cluster: Cluster, environment: str) -> None:
        self._kubeconfig = cluster.kubeconfig
        self.environment, self.namespace = environment, NAMESPACES[environment]

    def says(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return self.anywhere("--namespace", self.namespace, *words, given=given)

    def anywhere(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """In no namespace of its own."""
        command = [str(KUBECTL), "--kubeconfig", str(self._kubeconfig), *words]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, check=False)

    def applies(self, objects: Iterable[Object]) -> None:
        """Anything refused, or warned about, fails."""
        listed = "\n---\n".join(json.dumps(one) for one in objects)
        done = self.anywhere("apply", "--server-side", "--filename", "-", given=listed)
        assert done.returncode == 0, done.stderr
        assert "would violate PodSecurity" not in done.stderr


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
    platform = render(f"overlays/{made.environment}/platform").objects
    made.applies(one for one in platform if one["kind"] == "Namespace")
    made.applies(secret(made.namespace, name, **texts) for name, texts in local_secrets().items())
    made.applies(one for one in platform if one["kind"] != "Namespace")
    made.applies(render(f"overlays/{made.environment}").objects)
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
    operator.applies(render(f"overlays/{operator.environment}").objects)
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


def within(operator: Operator, image: str) -> str:
    """A Deployment that would be let in, were it not for its image."""
    one = copy.deepcopy(in_environment(operator.environment).named("Deployment", "mailbox"))
    one["metadata"]["name"] = "guest"
    one["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return json.dumps(one)


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("elsewhere.example/s4-web@sha256:" + "1f" * 32, "an image is not from our registry"),
        ("registry.s4.example/s4-web:latest", "an image is not named by its digest"),
    ],
)
def test_an_image_that_nobody_reviewed_is_refused_when_it_is_applied(operator: Operator, image: str, why: str) -> None:
    if operator.environment == "local":
        done = operator.says(
            "apply", "--server-side", "--dry-run=server", "--filename", "-", given=within(operator, image)
        )
        assert done.returncode == 0, done.stderr  # a developer's cluster has no such policy
        return
    done = operator.says("apply", "--server-side", "--filename", "-", given=within(operator, image))
    assert done.returncode != 0
    assert f"denied request: {why}" in done.stderr
    assert operator.says("get", "deployment", "guest").returncode != 0


def test_an_image_of_ours_by_its_digest_is_let_in(operator: Operator) -> None:
    image = "registry.s4.example/s4-web@sha256:" + "1f" * 32
    done = operator.says("apply", "--server-side", "--dry-run=server", "--filename", "-", given=within(operator, image))
    assert done.returncode == 0, done.stderr


def test_what_watches_starts_beside_it(operator: Operator) -> None:
    if operator.environment == "local":
        return
    objects = render(f"overlays/{operator.environment}/observability").objects
    made = connected.made_secrets(Manifests(objects))
    operator.applies(one for one in objects if one["kind"] == "Namespace")
    operator.applies(secret("s4-observability", name, **dict.fromkeys(keys, "word")) for name, keys in made.items())
    operator.applies(one for one in objects if one["kind"] != "Namespace")
    for one in Manifests(objects).of("Deployment", "StatefulSet"):
        what = f"{one['kind'].lower()}/{one['metadata']['name']}"
        done = operator.anywhere("--namespace", "s4-observability", "rollout", "status", what, "--timeout=60s")
        assert done.returncode == 0, done.stdout + done.stderr
