"""Objects for the cluster's tests: a pod that is as restricted as it must be, and what it needs."""

import base64
import json
import uuid
from typing import Any

IMAGE = "registry.invalid/s4/s4-node:1"


def secret(namespace: str, name: str, **texts: str) -> dict[str, Any]:
    data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "Opaque", "data": data}


def specification(introducer: int = 31001, storage: int = 31002) -> dict[str, Any]:
    """What the light node needs to know."""
    return {"grid_id": str(uuid.uuid4()), "introducer": {"port": introducer}, "storage": {"port": storage}}


def grid_secret(namespace: str, name: str = "grid") -> dict[str, Any]:
    return secret(namespace, name, specification=json.dumps(specification()), credentials="first")


def container(**more: Any) -> dict[str, Any]:
    words = ["pod", "--specification", "/etc/s4/grid/specification", "--credentials", "/etc/s4/grid/credentials"]
    words += ["--directory", "/var/lib/s4", "--bind", "$(POD_IP)", "--listen", "$(POD_IP):9464"]
    confined = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    made = {
        "name": "node",
        "image": IMAGE,
        "args": words,
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "ports": [{"name": "introducer", "containerPort": 31001}, {"name": "storage", "containerPort": 31002}],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": confined,
        "startupProbe": {"httpGet": {"path": "/readyz", "port": 9464}, "periodSeconds": 1, "failureThreshold": 60},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 9464}, "periodSeconds": 1, "failureThreshold": 1},
        "volumeMounts": [
            {"name": "grid", "mountPath": "/etc/s4/grid", "readOnly": True},
            {"name": "state", "mountPath": "/var/lib/s4"},
        ],
    }
    return made | more


def pod_spec(**more: Any) -> dict[str, Any]:
    return {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 5,
        "containers": [container()],
        "volumes": [{"name": "grid", "secret": {"secretName": "grid"}}, {"name": "state", "emptyDir": {}}],
    } | more


def stateful_set(namespace: str, *, spec: dict[str, Any] | None = None, replicas: int = 1) -> dict[str, Any]:
    labels = {"app": "node"}
    template = {"metadata": {"labels": labels}, "spec": spec or pod_spec()}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "grid", "namespace": namespace, "labels": labels},
        "spec": {
            "serviceName": "grid",
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": template,
        },
    }


def service(namespace: str, **more: Any) -> dict[str, Any]:
    ports = [
        {"name": name, "port": port, "targetPort": name} for name, port in (("introducer", 31001), ("storage", 31002))
    ]
    spec = {"type": "LoadBalancer", "selector": {"app": "node"}, "ports": ports} | more
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "grid", "namespace": namespace}, "spec": spec}
