"""The Pod Security Standard "restricted" (Kubernetes, "Pod Security Standards"), as admission judges it."""

from collections.abc import Iterator
from typing import Any

LEVEL, ENFORCE, WARN = "restricted", "pod-security.kubernetes.io/enforce", "pod-security.kubernetes.io/warn"
_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
_BASELINE_HOST = ("hostNetwork", "hostPID", "hostIPC")


def violations(spec: dict[str, Any]) -> list[str]:
    """What a pod of this spec does that is not allowed."""
    pod = spec.get("securityContext") or {}
    containers = [*spec.get("initContainers", []), *spec["containers"]]
    found = [f"host namespaces ({name}=true)" for name in _BASELINE_HOST if spec.get(name)]
    found += [
        f'restricted volume types (volume "{volume["name"]}" uses restricted volume type "{kind}")'
        for volume in spec.get("volumes", [])
        for kind in volume.keys() - _VOLUMES - {"name"}
    ]
    if pod.get("runAsUser") == 0:
        found.append("runAsUser=0 (pod must not set runAsUser=0)")
    for container in containers:
        found += [f'{what} (container "{container["name"]}")' for what in _of_container(container, pod)]
    return found


def _of_container(container: dict[str, Any], pod: dict[str, Any]) -> Iterator[str]:
    own = container.get("securityContext") or {}
    capabilities = own.get("capabilities") or {}
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation != false"
    if "ALL" not in capabilities.get("drop", []) or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "unrestricted capabilities"
    if not own.get("runAsNonRoot", pod.get("runAsNonRoot")):
        yield "runAsNonRoot != true"
    if own.get("runAsUser") == 0:
        yield "runAsUser=0"
    if (own.get("seccompProfile") or pod.get("seccompProfile") or {}).get("type") not in {
        "RuntimeDefault",
        "Localhost",
    }:
        yield "seccompProfile"
    if any("hostPort" in port and port["hostPort"] for port in container.get("ports", [])):
        yield "hostPort"
