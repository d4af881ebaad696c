"""What a cluster's objects mean to us."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import Any

import pytest
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import Namespace, Node, Pod, Service

from s4_contracts.ids import GridId
from s4_provisioner.drivers import reports
from s4_provisioner.drivers.contract import GridReport
from s4_provisioner.drivers.kube_api import ClusterFull
from s4_provisioner.drivers.reports import NoNodeImage

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GRID = GridId("0192f0a1-7c3d-5b2e-9f10-8a1b2c3d4e5f")
RUNNING = {"running": {"startedAt": "2026-01-02T03:00:00Z"}}


def a_pod(*, ready: bool = True, started: bool = True, state: Any = RUNNING, digest: str = "d", **meta: Any) -> Any:
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    container = {"name": "node", "image": "i", "imageID": "i", "restartCount": 0, "ready": ready, "started": started}
    return Pod.from_dict(
        {
            "metadata": {"name": "p", "labels": {"s4/grid": GRID}, "annotations": {"s4/specification": digest}} | meta,
            "spec": {"containers": [], "nodeName": "node-1"},
            "status": {"conditions": [condition], "containerStatuses": [container | {"state": state}]},
        }
    )


def a_set(*, replicas: int = 1, until: datetime | None = None) -> Any:
    annotations = {"s4/credentials-until": until.isoformat()} if until else {}
    spec = {"replicas": replicas, "serviceName": "s", "selector": {}, "template": {}}
    return StatefulSet.from_dict(
        {"metadata": {"name": "s", "labels": {"s4/grid": GRID}, "annotations": annotations}, "spec": spec}
    )


def report(pod: Pod | None, **wanted: Any) -> GridReport:
    return reports.grids([a_set(**wanted)], [pod] if pod else [], NOW)[GRID]


def test_a_ready_pod_serves_its_grid() -> None:
    until = NOW + timedelta(hours=1)

    assert report(a_pod(), until=until) == GridReport(state="running", is_listening=True, credentials_until=until)


@pytest.mark.parametrize(
    ("until", "code"),
    [(None, "not-ready"), (NOW + timedelta(hours=1), "not-ready"), (NOW - timedelta(hours=1), "credentials-expired")],
)
def test_a_pod_that_was_ready_and_is_not_cannot_use_its_bucket(until: datetime | None, code: str) -> None:
    seen = report(a_pod(ready=False), until=until)

    assert (seen.state, seen.is_listening, seen.bucket_code) == ("running", True, code)


@pytest.mark.parametrize(
    ("pod", "replicas", "state"),
    [
        (None, 1, "starting"),
        (None, 0, "stopped"),
        (a_pod(ready=False, started=False), 1, "starting"),
        (a_pod(ready=False, started=False, state={"waiting": {"reason": "CrashLoopBackOff"}}), 1, "failed"),
        (a_pod(ready=False, started=False, state={"waiting": {"reason": "ContainerCreating"}}), 1, "starting"),
    ],
)
def test_what_is_not_served_is_said_in_one_word(pod: Pod | None, replicas: int, state: str) -> None:
    seen = report(pod, replicas=replicas)

    assert (seen.state, seen.is_listening) == (state, False)


def test_a_pod_that_ends_serves_nobody() -> None:
    ending = a_pod(deletionTimestamp="2026-01-02T03:04:00Z")

    assert not report(ending).is_listening
    assert not reports.serves(ending, "d")


def test_a_pod_serves_only_what_it_was_made_for() -> None:
    assert reports.serves(a_pod(), "d")
    assert not reports.serves(a_pod(), "another")
    assert not reports.serves(a_pod(ready=False), "d")


def test_there_is_no_hope_for_an_image_that_nobody_has() -> None:
    with pytest.raises(NoNodeImage):
        reports.require_hope(a_pod(ready=False, started=False, state={"waiting": {"reason": "ImagePullBackOff"}}))
    reports.require_hope(a_pod(ready=False, started=False, state={"waiting": {"reason": "CrashLoopBackOff"}}))


def test_a_pod_without_a_node_waits_for_room() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    pod = Pod.from_dict({"metadata": {"name": "p"}, "status": {"conditions": [condition]}})

    with pytest.raises(ClusterFull):
        reports.require_hope(pod)


def test_a_pod_is_overdue_after_it_should_have_ended() -> None:
    ending = a_pod(deletionTimestamp="2026-01-02T03:04:00Z")  # five seconds ago

    assert reports.is_overdue(ending, NOW, timedelta(seconds=4))
    assert not reports.is_overdue(ending, NOW, timedelta(seconds=6))
    assert not reports.is_overdue(a_pod(), NOW, timedelta(0))


def test_a_namespace_that_ends_is_a_host_that_ends() -> None:
    there = Namespace.from_dict({"metadata": {"name": "n"}})
    ending = Namespace.from_dict({"metadata": {"name": "n", "deletionTimestamp": "2026-01-02T03:04:00Z"}})

    assert [reports.machine(each).state for each in (there, ending)] == ["alive", "ending"]


def test_nodes_are_reached_from_outside_where_they_can_be_and_only_those_that_are_well() -> None:
    def node(ready: str, **addresses: str) -> Any:
        listed = [{"type": kind, "address": address} for kind, address in addresses.items()]
        status = {"addresses": listed, "conditions": [{"type": "Ready", "status": ready}]}
        return Node.from_dict({"metadata": {"name": "n"}, "status": status})

    nodes = [
        node("True", InternalIP="10.0.0.1", ExternalIP="192.0.2.1"),
        node("True", InternalIP="10.0.0.2"),
        node("Unknown", InternalIP="10.0.0.3"),
    ]

    assert [*reports.addresses(nodes)] == [IPv4Address("192.0.2.1"), IPv4Address("10.0.0.2")]


@pytest.mark.parametrize(
    ("ingress", "where"),
    [([], None), ([{"ip": "192.0.2.1"}], "192.0.2.1"), ([{"hostname": "balancer.example"}], "balancer.example")],
)
def test_a_balancer_has_an_address_or_a_name(ingress: list[dict[str, str]], where: str | None) -> None:
    service = Service.from_dict({"metadata": {"name": "s"}, "status": {"loadBalancer": {"ingress": ingress}}})

    assert reports.ingress(service) == where
    assert reports.ingress(None) is None
