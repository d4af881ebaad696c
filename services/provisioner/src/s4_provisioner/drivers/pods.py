"""The pod of one grid: as little as it needs, with probes that restart only what a restart may help. Pure."""

from typing import Any

from s4_provisioner.drivers.clusters import Cluster

SPECIFICATION_FILE, KEYS_FILE = "specification.json", "credentials"
CONTAINER = "node"
_SPECIFICATION, _KEYS, _HOME, _SCRATCH = "/etc/s4/grid", "/etc/s4/keys", "/var/lib/s4", "/tmp"  # noqa: S108  the pod's own
_PAGES_PORT = 9464
_USER = 10001  # of the image (libs/node/Containerfile)
_ZONE = "topology.kubernetes.io/zone"
_MOVE_ON_SECONDS = 30  # after its node is not heard of; Kubernetes' own default is five minutes
_END_SECONDS = 30  # a node may wait ten seconds for its bucket


def pod_spec(
    *, specification: str, keys: str, port: int, image: str, zone: str | None, cluster: Cluster
) -> dict[str, Any]:
    """The pod that serves what is in these two Secrets."""
    selector = cluster.node_selector | ({_ZONE: zone} if zone else {})
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _END_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "tolerations": [
            {
                "key": f"node.kubernetes.io/{state}",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": _MOVE_ON_SECONDS,
            }
            for state in ("not-ready", "unreachable")
        ],
        "containers": [_container(port, image, cluster)],
        "volumes": [
            _secret("grid", specification),
            _secret("keys", keys),
            {"name": "home", "emptyDir": {"sizeLimit": f"{cluster.resources.spool_mib + 64}Mi"}},
            {"name": "scratch", "emptyDir": {"sizeLimit": "64Mi"}},
        ],
    }
    return spec | ({"nodeSelector": selector} if selector else {})


def _secret(name: str, secret: str) -> dict[str, Any]:
    return {"name": name, "secret": {"secretName": secret, "defaultMode": 0o440}}


def _container(port: int, image: str, cluster: Cluster) -> dict[str, Any]:
    given = cluster.resources
    disk = f"{given.spool_mib + 128}Mi"
    return {
        "name": CONTAINER,
        "image": image,
        "args": [
            "pod",
            f"--specification={_SPECIFICATION}/{SPECIFICATION_FILE}",
            f"--credentials={_KEYS}/{KEYS_FILE}",
            f"--directory={_HOME}",
            f"--spool-bytes={given.spool_mib * 2**20}",
            "--bind=$(POD_IP)",
            f"--listen=$(POD_IP):{_PAGES_PORT}",
            "--log=json",
        ],
        "env": [
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "AWS_EC2_METADATA_DISABLED", "value": "true"},
            {"name": "HOME", "value": _HOME},
            {"name": "TMPDIR", "value": _SCRATCH},
        ],
        "ports": [
            {"name": "introducer", "containerPort": port, "protocol": "TCP"},
            {"name": "storage", "containerPort": port + 1, "protocol": "TCP"},
            {"name": "pages", "containerPort": _PAGES_PORT, "protocol": "TCP"},
        ],
        "resources": {
            "requests": {"cpu": given.cpu, "memory": given.memory, "ephemeral-storage": "64Mi"},
            "limits": {"cpu": given.cpu_limit, "memory": given.memory_limit, "ephemeral-storage": disk},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "privileged": False,
            "capabilities": {"drop": ["ALL"]},
        },
        **_probes(),
        "volumeMounts": [
            {"name": "grid", "mountPath": _SPECIFICATION, "readOnly": True},
            {"name": "keys", "mountPath": _KEYS, "readOnly": True},
            {"name": "home", "mountPath": _HOME},
            {"name": "scratch", "mountPath": _SCRATCH},
        ],
    }


def _probes() -> dict[str, Any]:
    """Ready is who can store in his bucket; restarted is only who does not answer at all.

    A bucket that cannot be used is no better after a restart: the node goes on trying by itself. Until it was ready
    once it is given an hour.
    """
    ready, alive = ({"path": path, "port": "pages"} for path in ("/readyz", "/healthz"))
    return {
        "startupProbe": {"httpGet": ready, "periodSeconds": 1, "timeoutSeconds": 3, "failureThreshold": 3600},
        "readinessProbe": {"httpGet": ready, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 2},
        "livenessProbe": {"httpGet": alive, "periodSeconds": 20, "timeoutSeconds": 10, "failureThreshold": 6},
    }
