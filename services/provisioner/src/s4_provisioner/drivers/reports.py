"""What a cluster says of namespaces, pods and nodes, in our words. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from typing import Any

from s4_contracts.ids import GridId
from s4_provisioner.drivers.contract import GridReport, Machine
from s4_provisioner.drivers.kube_api import ClusterFull
from s4_provisioner.drivers.manifests import DIGEST, GRID, LENT_UNTIL
from s4_runtime import Permanent

_FULL_WAIT = timedelta(minutes=2)
# What a kubelet says of a container that it cannot even start (Kubernetes, "Debug Pods", "Images").
_NO_IMAGE = {"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"}
_FAILED = _NO_IMAGE | {"CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "RunContainerError"}


class NoNodeImage(Permanent):
    """No node of the cluster can get the image."""


def machine(namespace: Any) -> Machine:
    """The host that the namespace is. Where it is spoken to is the cluster's affair, not an address of its own."""
    is_ending = namespace.metadata.deletionTimestamp is not None
    return Machine(id=namespace.metadata.name, state="ending" if is_ending else "alive")


def grids(sets: Sequence[Any], pods: Sequence[Any], now: datetime) -> dict[GridId, GridReport]:
    """How each grid is."""
    running = {pod.metadata.labels[GRID]: pod for pod in pods if GRID in (pod.metadata.labels or {})}
    found = {}
    for each in sets:
        grid = (each.metadata.labels or {}).get(GRID)
        if grid is not None:
            found[GridId(grid)] = _grid(each, running.get(grid), now)
    return found


def _grid(wanted: Any, pod: Any, now: datetime) -> GridReport:
    written = (wanted.metadata.annotations or {}).get(LENT_UNTIL)
    until = datetime.fromisoformat(written) if written else None
    status = _container(pod)
    has_started = bool(status and status.started and pod.metadata.deletionTimestamp is None)
    return GridReport(
        state=_state(wanted, pod),
        is_listening=has_started,
        bucket_code=_why_unready(until, now) if has_started and not is_ready(pod) else None,
        credentials_until=until,
    )


def _why_unready(until: datetime | None, now: datetime) -> str:
    """A pod says no more than that it is not ready: nearly always its bucket cannot be used."""
    return "credentials-expired" if until is not None and until < now else "not-ready"


def _state(wanted: Any, pod: Any) -> str:
    if pod is None:
        return "stopped" if wanted.spec.replicas == 0 else "starting"
    status = _container(pod)
    if status and status.started:
        return "running"
    return "failed" if _waits_for(pod) in _FAILED else "starting"


def serves(pod: Any, digest: str) -> bool:
    """Whether the pod has become ready with that specification, and is not about to be replaced."""
    is_new = (pod.metadata.annotations or {}).get(DIGEST) == digest
    return is_new and pod.metadata.deletionTimestamp is None and is_ready(pod)


def require_hope(pod: Any) -> None:
    """Raise NoNodeImage or ClusterFull for a pod that will not run by waiting."""
    if _waits_for(pod) in _NO_IMAGE:
        raise NoNodeImage("no-node-image")
    for each in _conditions(pod):
        if (each.type, each.status, each.reason) == ("PodScheduled", "False", "Unschedulable"):
            raise ClusterFull("no-node-has-room", retry_after=_FULL_WAIT)


def is_ready(one: Any) -> bool:
    """Whether a pod or node says so."""
    return any((each.type, each.status) == ("Ready", "True") for each in _conditions(one))


def is_overdue(pod: Any, now: datetime, more: timedelta) -> bool:
    """Whether the pod should have ended so long ago: its deletion time is that of its end, not of the request."""
    ends = pod.metadata.deletionTimestamp
    return ends is not None and now - ends > more


def addresses(nodes: Sequence[Any]) -> Iterator[IPv4Address]:
    """Where the nodes that are well are reached, from outside where they have such an address."""
    for node in nodes:
        known = {each.type: each.address for each in node.status.addresses or []} if is_ready(node) else {}
        if known:
            yield IPv4Address(known.get("ExternalIP") or known["InternalIP"])


def ingress(service: Any) -> str | None:
    """The address or name of the Service's load balancer, once it has one."""
    balancer = service.status.loadBalancer if service is not None and service.status else None
    for each in (balancer.ingress if balancer else None) or []:
        return str(each.ip or each.hostname)
    return None


def _container(pod: Any) -> Any:
    statuses = (pod.status.containerStatuses if pod is not None and pod.status else None) or []
    return statuses[0] if statuses else None


def _waits_for(pod: Any) -> str | None:
    status = _container(pod)
    waiting = status.state.waiting if status and status.state else None
    return waiting.reason if waiting else None


def _conditions(one: Any) -> list[Any]:
    return list((one.status.conditions if one.status else None) or [])
