"""Pods are processes: they start with their volumes, are probed, started again, replaced and ended."""

import base64
import json
import os
import signal
import socket
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from support.cluster import MERGE, PATHS, Cluster, condition, light_nodes, local_cluster
from support.cluster_objects import container, grid_secret, pod_spec, secret, service, stateful_set
from support.waiting import until

pytestmark = pytest.mark.long  # every test of the driver runs pods


def page(pod: dict[str, Any], path: str = "/readyz") -> str:
    with urllib.request.urlopen(f"http://{pod['status']['podIP']}:9464{path}", timeout=5) as answer:
        return str(answer.read().decode())


def can_connect(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), 2).close()
    except OSError:
        return False
    return True


async def started(cluster: Cluster, namespace: str, **how: Any) -> dict[str, Any]:
    cluster.apply(grid_secret(namespace))
    status, answer = cluster.apply(stateful_set(namespace, **how))
    assert status == 201, answer
    return await cluster.ready_pod("grid-0", namespace)


async def test_a_pod_runs_the_images_program_at_its_own_address(cluster: Cluster, namespace: str) -> None:
    pod = await started(cluster, namespace)

    assert can_connect(pod["status"]["podIP"], 31001)
    assert page(pod) == "first"
    status, log = cluster.ask("GET", f"{PATHS['Pod'].format(namespace)}/grid-0/log")
    assert status == 200
    assert log["ports"] == [31001, 31002]


async def test_a_replaced_secret_reaches_the_running_pod(cluster: Cluster, namespace: str) -> None:
    pod = await started(cluster, namespace)

    later = {"data": {"credentials": base64.b64encode(b"second").decode()}}
    assert cluster.ask("PATCH", f"{PATHS['Secret'].format(namespace)}/grid", later, MERGE)[0] == 200

    await until(lambda: page(pod) == "second", within=5, what="the new credentials are there")
    after = cluster.get("Pod", "grid-0", namespace)
    assert after is not None
    assert after["status"]["containerStatuses"][0]["restartCount"] == 0


async def test_a_pod_waits_for_its_secret(cluster: Cluster, namespace: str) -> None:
    cluster.apply(stateful_set(namespace))

    def waits() -> bool:
        pod = cluster.get("Pod", "grid-0", namespace)
        statuses = pod["status"].get("containerStatuses", []) if pod else []
        return bool(statuses) and statuses[0]["state"]["waiting"]["reason"] == "ContainerCreating"

    await until(waits, within=5, what="it waits")
    cluster.apply(grid_secret(namespace))
    await cluster.ready_pod("grid-0", namespace)


async def test_a_container_that_ends_is_started_again_in_the_same_pod(cluster: Cluster, namespace: str) -> None:
    pod = await started(cluster, namespace)
    state = cluster.volume(pod, "state")
    (state / "crash").touch()

    os.kill(process_of(pod), signal.SIGKILL)

    def crashes() -> bool:
        seen = cluster.get("Pod", "grid-0", namespace)
        return (
            seen is not None
            and seen["status"]["containerStatuses"][0].get("lastState", {}).get("terminated", {}).get("exitCode") == 3
        )

    await until(crashes, within=10, what="it crashes again and again")
    (state / "crash").unlink()
    again = await cluster.ready_pod("grid-0", namespace)
    assert again["metadata"]["uid"] == pod["metadata"]["uid"]
    assert (state / "began").read_text() == "xx"


def process_of(pod: dict[str, Any]) -> int:
    return next(int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if is_of(path, pod))


def is_of(environ: Path, pod: dict[str, Any]) -> bool:
    try:
        return f"pods/{pod['metadata']['uid']}" in environ.read_text(errors="replace")
    except OSError:
        return False


async def test_an_unready_pod_is_not_restarted_and_gets_no_connections(cluster: Cluster, namespace: str) -> None:
    pod = await started(cluster, namespace)
    cluster.apply(service(namespace))
    address = await balanced(cluster, namespace)
    await until(lambda: can_connect(address, 31001), within=5, what="the service leads to it")

    (cluster.volume(pod, "state") / "unready").touch()

    await until(lambda: not can_connect(address, 31001), within=10, what="the service does not lead to it")
    seen = cluster.get("Pod", "grid-0", namespace)
    assert seen is not None
    assert condition(seen, "Ready") == "False"
    assert seen["status"]["containerStatuses"][0]["restartCount"] == 0
    cluster.apply(service(namespace, publishNotReadyAddresses=True))
    await until(lambda: can_connect(address, 31001), within=5, what="a service may lead to it all the same")


async def balanced(cluster: Cluster, namespace: str) -> str:
    def given() -> str | None:
        found = cluster.get("Service", "grid", namespace) or {}
        ingress = found.get("status", {}).get("loadBalancer", {}).get("ingress", [])
        return str(ingress[0]["ip"]) if ingress else None

    return str(await until(given, within=5, what="the service has an address"))


async def test_a_changed_template_replaces_the_pod_and_never_are_there_two(cluster: Cluster, namespace: str) -> None:
    first = await started(cluster, namespace)
    spec = pod_spec(containers=[container(resources={"requests": {"cpu": "20m", "memory": "64Mi"}})])

    assert cluster.apply(stateful_set(namespace, spec=spec))[0] == 200

    def replaced() -> bool:
        pods = cluster.list("Pod", namespace)
        assert len(pods) <= 1
        return (
            bool(pods)
            and pods[0]["metadata"]["uid"] != first["metadata"]["uid"]
            and condition(pods[0], "Ready") == "True"
        )

    await until(replaced, within=20, what="there is another pod")


async def test_scaled_to_nothing_no_process_is_left(cluster: Cluster, namespace: str) -> None:
    pod = await started(cluster, namespace)

    cluster.apply(stateful_set(namespace, replicas=0))

    await until(lambda: not cluster.list("Pod", namespace), within=10, what="the pod is gone")
    assert not can_connect(pod["status"]["podIP"], 31001)


async def test_with_its_set_goes_the_pod(cluster: Cluster, namespace: str) -> None:
    await started(cluster, namespace)

    assert cluster.delete("StatefulSet", "grid", namespace, {"propagationPolicy": "Foreground"})[0] == 200

    await until(lambda: cluster.get("StatefulSet", "grid", namespace) is None, within=10, what="the set is gone")
    assert cluster.list("Pod", namespace) == []


async def test_a_namespace_goes_with_all_that_is_in_it(cluster: Cluster, namespace: str) -> None:
    pod = await started(cluster, namespace)

    cluster.delete("Namespace", namespace)
    status, refused = cluster.apply(secret(namespace, "late", key="value"))

    assert (status, refused["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")
    await until(lambda: cluster.get("Namespace", namespace) is None, within=15, what="the namespace is gone")
    assert not can_connect(pod["status"]["podIP"], 31001)


async def test_an_image_that_does_not_exist_is_said(cluster: Cluster, namespace: str) -> None:
    cluster.apply(grid_secret(namespace))
    cluster.apply(stateful_set(namespace, spec=pod_spec(containers=[container(image="registry.invalid/other:1")])))

    def said() -> bool:
        pod = cluster.get("Pod", "grid-0", namespace)
        statuses = pod["status"].get("containerStatuses", []) if pod else []
        return bool(statuses) and statuses[0]["state"].get("waiting", {}).get("reason") == "ImagePullBackOff"

    await until(said, within=5, what="the image is missing")


async def test_a_pod_that_is_not_restricted_is_not_made(cluster: Cluster, namespace: str) -> None:
    cluster.apply(grid_secret(namespace))
    cluster.apply(stateful_set(namespace, spec=pod_spec(containers=[container(securityContext={})])))

    def refused() -> bool:
        return any("violates PodSecurity" in event["message"] for event in cluster.list("Event", namespace))

    await until(refused, within=5, what="it is refused")
    assert cluster.list("Pod", namespace) == []


async def test_a_pod_that_no_node_has_room_for_waits(cluster: Cluster, namespace: str) -> None:
    cluster.apply(grid_secret(namespace))
    large = container(resources={"requests": {"cpu": "1", "memory": "900Gi"}})
    cluster.apply(stateful_set(namespace, spec=pod_spec(containers=[large])))

    def waits() -> bool:
        pod = cluster.get("Pod", "grid-0", namespace)
        return bool(pod) and condition(pod, "PodScheduled") == "False"

    await until(waits, within=5, what="it is not scheduled")


async def test_a_policy_that_does_not_name_the_port_shuts_it(cluster: Cluster, namespace: str) -> None:
    await started(cluster, namespace)
    cluster.apply(service(namespace))
    rule = {"ports": [{"port": 31001, "protocol": "TCP"}]}
    spec = {"podSelector": {"matchLabels": {"app": "node"}}, "policyTypes": ["Ingress"], "ingress": [rule]}
    meta = {"name": "in", "namespace": namespace}
    cluster.apply({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec})
    address = await balanced(cluster, namespace)

    await until(lambda: can_connect(address, 31001), within=5, what="the allowed port is open")
    await until(lambda: not can_connect(address, 31002), within=5, what="the other one is not")


async def test_node_ports_lead_to_the_pod_at_every_node(cluster: Cluster, namespace: str) -> None:
    await started(cluster, namespace)
    ports = [{"name": "introducer", "port": 31001, "nodePort": 34991}]

    assert cluster.apply(service(namespace, type="NodePort", ports=ports))[0] == 201

    nodes = [node["status"]["addresses"][0]["address"] for node in cluster.list("Node")]
    for address in nodes:
        await until(lambda at=address: can_connect(at, 34991), within=5, what="the node answers")  # type: ignore[misc]  # of the loop
    meta = {"metadata": {"name": "other", "namespace": namespace}}
    status, refused = cluster.apply(service(namespace, type="NodePort", ports=ports) | meta)
    assert status == 422
    assert "already allocated" in json.dumps(refused)


async def test_a_pod_of_a_lost_node_blocks_its_successor_until_it_is_deleted_by_force(
    tmp_path: Path, cluster: Cluster
) -> None:
    with local_cluster(tmp_path / "state", light_nodes(tmp_path / "image")) as own:
        own.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}})
        pod = await started(own, "a")
        node = pod["spec"]["nodeName"]

        own.control("POST", f"/nodes/{node}/lose")
        own.delete("Pod", "grid-0", "a")

        seen = own.get("Pod", "grid-0", "a")
        assert seen is not None
        assert "deletionTimestamp" in seen["metadata"]
        assert condition(own.get("Node", node) or {}, "Ready") == "Unknown"
        own.delete("Pod", "grid-0", "a", {"gracePeriodSeconds": 0})
        again = await own.ready_pod("grid-0", "a")
        assert again["spec"]["nodeName"] != node
