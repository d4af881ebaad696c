"""Deployments, Jobs, and what the real kubectl asks of a server, with images that only pretend to run."""

import json
import subprocess
from typing import Any

import pytest

from s4_ops.deploy.kubectl import program
from support.cluster import Cluster
from support.waiting import until

Words = tuple[str, ...]


def kubectl(cluster: Cluster, namespace: str, *words: str, given: Any = None) -> subprocess.CompletedProcess[str]:
    command = [program(), "--kubeconfig", str(cluster.kubeconfig), "--namespace", namespace, *words]
    sent = None if given is None else json.dumps(given)
    return subprocess.run(command, input=sent, capture_output=True, text=True, timeout=30, check=False)


def pod(image: str, **more: Any) -> dict[str, Any]:
    confined = {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return {"containers": [{"name": "service", "image": image, "securityContext": confined}], **more}


def deployment(image: str) -> dict[str, Any]:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": pod(image)}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def job(image: str) -> dict[str, Any]:
    spec = {"backoffLimit": 0, "template": {"spec": pod(image, restartPolicy="Never")}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "work"}, "spec": spec}


@pytest.fixture
def images(cluster: Cluster) -> None:
    for part, does in (("good/", {}), ("slow/", {"is_ready": False}), ("ends/", {"ends": 0}), ("fails/", {"ends": 3})):
        assert cluster.control("POST", "/images", {"part": part, "prints": f"from {part}", **does})[0] == 201


def apply(cluster: Cluster, namespace: str, wanted: Any) -> None:
    words = ("apply", "--server-side", "--field-manager=tests", "--force-conflicts", "--filename", "-")
    done = kubectl(cluster, namespace, *words, given=wanted)
    assert done.returncode == 0, done.stderr


def status(cluster: Cluster, namespace: str, kind: str, name: str) -> dict[str, Any]:
    found = kubectl(cluster, namespace, "get", kind, name, "--output", "json")
    return dict(json.loads(found.stdout).get("status", {}))


async def test_old_pods_stay_until_the_new_ones_are_ready(cluster: Cluster, namespace: str, images: None) -> None:
    apply(cluster, namespace, deployment("good/web:1"))
    await until(
        lambda: status(cluster, namespace, "deployment", "web").get("availableReplicas") == 2, within=20, what="served"
    )

    apply(cluster, namespace, deployment("slow/web:2"))
    await until(
        lambda: status(cluster, namespace, "deployment", "web").get("updatedReplicas") == 2, within=20, what="replaced"
    )

    found = status(cluster, namespace, "deployment", "web")
    assert (found["replicas"], found["availableReplicas"]) == (4, 2)


@pytest.mark.parametrize(("image", "condition"), [("ends/work:1", "Complete"), ("fails/work:1", "Failed")])
async def test_a_job_ends_as_its_pod_does(
    cluster: Cluster, namespace: str, images: None, image: str, condition: str
) -> None:
    apply(cluster, namespace, job(image))

    def ended() -> bool:
        conditions = status(cluster, namespace, "job", "work").get("conditions", [])
        return [each["type"] for each in conditions] == [condition]

    await until(ended, within=20, what=f"the job is {condition}")
    assert f"from {image.partition('/')[0]}/" in kubectl(cluster, namespace, "logs", "work-0").stdout


def test_a_diff_says_what_would_change_and_changes_nothing(cluster: Cluster, namespace: str, images: None) -> None:
    apply(cluster, namespace, deployment("good/web:1"))
    words = ("diff", "--server-side", "--field-manager=tests", "--force-conflicts", "--filename", "-")

    changed = kubectl(cluster, namespace, *words, given=deployment("good/web:2"))
    same = kubectl(cluster, namespace, *words, given=deployment("good/web:1"))

    assert (changed.returncode, same.returncode) == (1, 0)
    assert "image: good/web:2" in changed.stdout


def test_who_replaces_what_was_changed_meanwhile_is_refused(cluster: Cluster, namespace: str) -> None:
    made = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "one"}, "spec": {}}
    assert kubectl(cluster, namespace, "create", "--filename", "-", given=made).returncode == 0
    read = json.loads(kubectl(cluster, namespace, "get", "lease", "one", "--output", "json").stdout)
    changed = {**read, "spec": {"holderIdentity": "ada"}}
    assert kubectl(cluster, namespace, "replace", "--filename", "-", given=changed).returncode == 0

    refused = kubectl(cluster, namespace, "replace", "--filename", "-", given={**read, "spec": {}})

    assert "(Conflict)" in refused.stderr
    assert "(AlreadyExists)" in kubectl(cluster, namespace, "create", "--filename", "-", given=made).stderr
