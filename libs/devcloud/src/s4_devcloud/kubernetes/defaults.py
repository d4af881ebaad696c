"""What the API server adds to an object that does not say it."""

from collections.abc import Callable
from typing import Any

from s4_devcloud.kubernetes import kinds
from s4_devcloud.kubernetes.kinds import Kind
from s4_devcloud.kubernetes.store import Object


def fill(kind: Kind, written: Object) -> None:
    """The object says all that it means."""
    added = _FILLED.get(kind.resource)
    if added is not None:
        added(written)


def _namespace(written: Object) -> None:
    written["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = written["metadata"]["name"]
    written["spec"] = {"finalizers": ["kubernetes"]}
    written.setdefault("status", {"phase": "Active"})


def _secret(written: Object) -> None:
    written.setdefault("type", "Opaque")


def _service(written: Object) -> None:
    spec = written.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if spec["type"] != "ClusterIP":
        spec.setdefault("externalTrafficPolicy", "Cluster")
    for port in spec.get("ports", []):
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port["port"])


def _deployment(written: Object) -> None:
    spec = written["spec"]
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
    spec.setdefault("strategy", rolling)
    _pod_spec(spec["template"]["spec"])


def _job(written: Object) -> None:
    spec = written["spec"]
    for name, value in {"backoffLimit": 6, "completions": 1, "parallelism": 1, "suspend": False}.items():
        spec.setdefault(name, value)
    name = written["metadata"]["name"]
    spec.setdefault("selector", {"matchLabels": {"batch.kubernetes.io/job-name": name}})
    spec["template"].setdefault("metadata", {}).setdefault("labels", {})["batch.kubernetes.io/job-name"] = name
    _pod_spec(spec["template"]["spec"])


def _stateful_set(written: Object) -> None:
    spec = written["spec"]
    spec.setdefault("replicas", 1)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("updateStrategy", {"type": "RollingUpdate"})
    _pod_spec(spec["template"]["spec"])


def _pod(written: Object) -> None:
    _pod_spec(written["spec"])
    written.setdefault("status", {"phase": "Pending"})


def _pod_spec(spec: dict[str, Any]) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        container.setdefault("imagePullPolicy", "IfNotPresent")
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        for port in container.get("ports", []):
            port.setdefault("protocol", "TCP")
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            if name in container:
                _probe(container[name])


def _probe(probe: dict[str, Any]) -> None:
    usual = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    for name, value in usual.items():
        probe.setdefault(name, value)
    if "httpGet" in probe:
        probe["httpGet"].setdefault("scheme", "HTTP")


_FILLED: dict[str, Callable[[Object], None]] = {
    kinds.NAMESPACE.resource: _namespace,
    kinds.SECRET.resource: _secret,
    kinds.SERVICE.resource: _service,
    kinds.STATEFUL_SET.resource: _stateful_set,
    kinds.DEPLOYMENT.resource: _deployment,
    kinds.JOB.resource: _job,
    kinds.POD.resource: _pod,
}
