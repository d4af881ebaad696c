"""Whether a cluster is well, from what it says of itself. Pure: each check gives what is wrong."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from s4_ops.cluster.look import Object, name_of
from s4_ops.cluster.spec import Spec

SOON = timedelta(days=14)  # cert-manager renews a month before the end: what is nearer was not renewed
_SYSTEM = ("kube-system", "cert-manager", "calico-system", "headlamp")
_EBS = "ebs.csi.aws.com"
_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_ENFORCE = "pod-security.kubernetes.io/enforce"


def nodes(spec: Spec, found: Iterable[Object]) -> list[str]:
    """All are ready, there are as many as there must be at least, and of the spec's version."""
    listed = list(found)
    least = sum(group.min for group in spec.groups)
    least += spec.control_plane.machines if spec.way == "kops" else 0
    wrong = [f"{name_of(node)} is not ready" for node in listed if not _is(node, "Ready")]
    version = f"v{spec.kubernetes}" if spec.way == "kops" else "v{}.{}.".format(*spec.version)
    others = [node for node in listed if not node["status"]["nodeInfo"]["kubeletVersion"].startswith(version)]
    wrong += [f"{name_of(node)} runs {node['status']['nodeInfo']['kubeletVersion']}" for node in others]
    return wrong + ([f"{len(listed)} nodes, at least {least} wanted"] if len(listed) < least else [])


def system_pods(found: Iterable[Object]) -> list[str]:
    """All pods of the cluster's own namespaces run, or have ended well."""
    ours = [pod for pod in found if pod["metadata"]["namespace"] in _SYSTEM]
    ill = [pod for pod in ours if pod["status"]["phase"] != "Succeeded" and not _is(pod, "Ready")]
    return [f"{name_of(pod)} is not ready" for pod in ill] if ours else ["there are no system pods"]


def storage_classes(found: Iterable[Object]) -> list[str]:
    """Exactly one is taken by default, and all of EBS encrypt."""
    listed = list(found)
    defaults = [each for each in listed if _annotation(each, _DEFAULT) == "true"]
    wrong = [
        f"{name_of(each)} does not encrypt"
        for each in listed
        if each["provisioner"] == _EBS and each.get("parameters", {}).get("encrypted") != "true"
    ]
    return wrong + ([f"{len(defaults)} default classes"] if len(defaults) != 1 else [])


def name_service(found: Iterable[Object]) -> list[str]:
    """Names are found within the cluster."""
    return _available("coredns", found, namespace="kube-system")


def dashboard(spec: Spec, found: Iterable[Object]) -> list[str]:
    """The dashboard answers: its readiness is an HTTP request that each node makes."""
    namespace, _, name = spec.dashboard.partition("/")
    return _available(name, found, namespace=namespace)


def certificates(found: Iterable[Object], now: datetime) -> list[str]:
    """Every certificate of cert-manager is issued, and not near its end."""
    wrong = []
    for each in found:
        end = each.get("status", {}).get("notAfter")
        if not _is(each, "Ready") or end is None:
            wrong.append(f"{name_of(each)} is not issued")
        elif datetime.fromisoformat(end) - now < SOON:
            wrong.append(f"{name_of(each)} ends {end}")
    return wrong


def pod_security(namespaces: Iterable[Object], refuses: Callable[[Object], bool]) -> list[str]:
    """S4's namespaces are restricted by their label, and the API server really refuses a privileged pod there."""
    ours = [each for each in namespaces if is_ours(each)]
    wrong = [f"{name_of(each)} is not restricted" for each in ours if _label(each, _ENFORCE) != "restricted"]
    tried = [each for each in ours if _label(each, _ENFORCE) == "restricted"][:1]
    return wrong + [f"{name_of(each)} lets a privileged pod in" for each in tried if not refuses(_privileged(each))]


def is_ours(namespace: Object) -> bool:
    """S4's own, or one in which the provisioner keeps grids."""
    return _label(namespace, "app.kubernetes.io/part-of") == "s4" or _label(namespace, "s4/deployment") is not None


def _available(name: str, found: Iterable[Object], *, namespace: str) -> list[str]:
    full = f"{namespace}/{name}"
    mine = [each for each in found if name_of(each) == full]
    return [] if mine and all(_is(each, "Available") for each in mine) else [f"{full} is not available"]


def _is(found: Object, condition: str) -> bool:
    conditions: list[dict[str, Any]] = found.get("status", {}).get("conditions", [])
    return any(each["type"] == condition and each["status"] == "True" for each in conditions)


def _annotation(found: Object, key: str) -> str | None:
    value: str | None = found["metadata"].get("annotations", {}).get(key)
    return value


def _label(found: Object, key: str) -> str | None:
    value: str | None = found["metadata"].get("labels", {}).get(key)
    return value


def _privileged(namespace: Object) -> Object:
    container = {"name": "check", "image": "check", "securityContext": {"privileged": True}}
    metadata = {"name": "s4-check", "namespace": namespace["metadata"]["name"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}
