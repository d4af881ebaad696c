"""All objects of one grid and of one host on Kubernetes, as they are applied. Pure.

A host is a namespace. What is in it may be seen by whoever looks after the cluster: opaque ids, nobody's name.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any
from urllib.parse import urlsplit

import msgspec

from s4_contracts.ids import GridId, HostId
from s4_provisioner.drivers.clusters import Cluster
from s4_provisioner.drivers.pods import KEYS_FILE, SPECIFICATION_FILE, pod_spec

Manifest = dict[str, Any]
MANAGER = "s4-provisioner"
DEPLOYMENT, HOST, POOL, GRID = "s4/deployment", "s4/host", "s4/pool", "s4/grid"
LENT_UNTIL, RELEASE = "s4/credentials-until", "s4/release"
DIGEST = "s4/specification"
_EVERYWHERE = ("0.0.0.0/0", "::/0")
# Where clouds have their metadata services: link-local (RFC 3927, RFC 4291), and AWS's IPv6 one.
_METADATA = ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/64")
# These and private networks (RFC 1918, RFC 6598, RFC 4193).
_INNER = (*_METADATA[:2], "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
_RESTRICTED = "restricted"


class HostRequest(msgspec.Struct, frozen=True, kw_only=True):
    """All that a host is asked for with."""

    image: str
    slots: int
    zone: str | None = None


class GridRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a grid's objects are made from."""

    id: GridId
    port: int
    specification: bytes
    keys: bytes
    lent_until: str
    s3_port: int

    @property
    def digest(self) -> str:
        """By which one sees whether a pod has this specification or an earlier one."""
        return hashlib.sha256(self.specification).hexdigest()


def namespace_name(deployment: str, host: HostId) -> str:
    """The host's namespace: at most 60 of the 63 characters that it may have."""
    return f"s4-{deployment}-{host}"


def grid_name(grid: GridId) -> str:
    """The name of most objects of the grid; that of its Service has to begin with a letter."""
    return f"grid-{grid}"


def keys_name(grid: GridId) -> str:
    """The Secret with what the grid is lent."""
    return f"{grid_name(grid)}-keys"


def grid_request(grid: GridId, payload: bytes) -> GridRequest:
    """The grid of what ``s4-host apply`` would be told: what it is lent is kept apart from what it is."""
    told = msgspec.json.decode(payload)
    storage = told["storage"]
    session = storage.pop("credentials")
    told.pop("shard", None)  # a pod is a process of its own
    endpoint = urlsplit(storage["s3"].get("endpoint") or "https://s3")
    return GridRequest(
        id=grid,
        port=told["introducer"]["port"],
        specification=msgspec.json.encode(told),
        keys=_shared_credentials(session),
        lent_until=session["expires_at"],
        s3_port=endpoint.port or (443 if endpoint.scheme == "https" else 80),
    )


def keys_of(session: Mapping[str, str]) -> Manifest:
    """A patch by which a grid's Secret holds this session."""
    return {"data": {KEYS_FILE: _base64(_shared_credentials(session))}}


def host_objects(
    deployment: str, host: HostId, pool: str, request: HostRequest, cluster: Cluster
) -> tuple[Manifest, list[Manifest]]:
    """The host's namespace, and what must be in it before any grid is."""
    labels = _common(deployment) | {HOST: host, POOL: pool}
    name = namespace_name(deployment, host)
    security = {f"pod-security.kubernetes.io/{mode}": _RESTRICTED for mode in ("enforce", "audit", "warn")}
    namespace = _object("v1", "Namespace", name, "", labels | security, annotations={RELEASE: request.image})
    inner = [
        _object("networking.k8s.io/v1", "NetworkPolicy", "nobody", name, labels, spec=_nobody()),
        _object("v1", "LimitRange", "grids", name, labels, spec={"limits": [_limits(cluster)]}),
        _object("v1", "ResourceQuota", "grids", name, labels, spec={"hard": _quota(request.slots, cluster)}),
    ]
    return namespace, inner


def binding(deployment: str, host: HostId, pool: str, cluster: Cluster) -> Manifest | None:
    """What lets us do in the namespace what we do there; None where we may do so anyway."""
    if not cluster.role:
        return None
    home, _, account = cluster.account.partition("/")
    made = _object(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        cluster.role,
        namespace_name(deployment, host),
        _common(deployment) | {HOST: host, POOL: pool},
    )
    made["roleRef"] = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": cluster.role}
    made["subjects"] = [{"kind": "ServiceAccount", "name": account, "namespace": home}]
    return made


def grid_objects(
    deployment: str, host: HostId, grid: GridRequest, request: HostRequest, cluster: Cluster
) -> list[Manifest]:
    """Every object of the grid, in the order in which they are to be made."""
    place, name = namespace_name(deployment, host), grid_name(grid.id)
    labels = _common(deployment) | {HOST: host, GRID: grid.id}
    until = {LENT_UNTIL: grid.lent_until}
    return [
        _object("networking.k8s.io/v1", "NetworkPolicy", name, place, labels, spec=_policy(grid, cluster)),
        _secret(name, place, labels, {SPECIFICATION_FILE: grid.specification}),
        _secret(keys_name(grid.id), place, labels, {KEYS_FILE: grid.keys}),
        _object(
            "v1", "Service", name, place, labels, annotations=_annotations(grid, cluster), spec=_service(grid, cluster)
        ),
        _object(
            "apps/v1", "StatefulSet", name, place, labels, annotations=until, spec=_set(grid, labels, request, cluster)
        ),
    ]


def _object(version: str, kind: str, name: str, namespace: str, labels: dict[str, str], **more: Any) -> Manifest:
    annotations = more.pop("annotations", {})
    meta = {"name": name, "labels": labels}
    meta |= {"namespace": namespace} if namespace else {}
    meta |= {"annotations": annotations} if annotations else {}
    return {"apiVersion": version, "kind": kind, "metadata": meta, **more}


def _common(deployment: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": "s4-node", "app.kubernetes.io/managed-by": MANAGER, DEPLOYMENT: deployment}


def _secret(name: str, namespace: str, labels: dict[str, str], files: Mapping[str, bytes]) -> Manifest:
    data = {file: _base64(content) for file, content in files.items()}
    return _object("v1", "Secret", name, namespace, labels, type="Opaque", data=data)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _shared_credentials(session: Mapping[str, str]) -> bytes:
    """AWS's shared credentials file (AWS SDKs reference guide, "Shared config and credentials files")."""
    lines = {
        "aws_access_key_id": session["access_key_id"],
        "aws_secret_access_key": session["secret_access_key"],
        "aws_session_token": session["session_token"],
        "expires_at": session["expires_at"],
    }
    return "".join(["[default]\n", *(f"{name} = {value}\n" for name, value in lines.items())]).encode()


def _nobody() -> Manifest:
    """No pod of the namespace speaks with anybody, unless another policy says so."""
    return {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def _policy(grid: GridRequest, cluster: Cluster) -> Manifest:
    """Clients come in at the grid's two ports; its pod asks for names, and speaks with S3."""
    ports = [{"protocol": "TCP", "port": port} for port in (grid.port, grid.port + 1)]
    dns = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    servers = [{"namespaceSelector": {}}, *({"ipBlock": {"cidr": cidr}} for cidr in cluster.dns)]
    stores = [_block(cidr, _METADATA) for cidr in cluster.s3] or [_block(cidr, _INNER) for cidr in _EVERYWHERE]
    s3 = {"to": [{"ipBlock": block} for block in stores], "ports": [{"protocol": "TCP", "port": grid.s3_port}]}
    return {
        "podSelector": {"matchLabels": {GRID: grid.id}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"ports": ports}],
        "egress": [{"to": servers, "ports": dns}, s3],
    }


def _block(cidr: str, but: Sequence[str]) -> Manifest:
    """The network, without those of the others that are inside it."""
    network = ip_network(cidr)
    inner = [each for each in but if network.version == ip_network(each).version and _holds(network, ip_network(each))]
    return {"cidr": cidr, "except": inner} if inner else {"cidr": cidr}


def _holds(network: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    return network.network_address <= other.network_address and network.broadcast_address >= other.broadcast_address  # type: ignore[operator]  # they are of one version


def _annotations(grid: GridRequest, cluster: Cluster) -> dict[str, str]:
    """Those of the settings; some load balancers are told about each port by its number."""
    ports = {"{introducer}": str(grid.port), "{storage}": str(grid.port + 1)}
    made = dict(cluster.annotations)
    for word, number in ports.items():
        made = {name.replace(word, number): text for name, text in made.items()}
    return made


def _service(grid: GridRequest, cluster: Cluster) -> Manifest:
    """The grid's own two ports lead to its pod, also while that says that its bucket cannot be reached."""
    ports = [
        {"name": name, "protocol": "TCP", "port": port, "targetPort": port}
        | ({"nodePort": port} if cluster.service == "NodePort" else {})
        for name, port in (("introducer", grid.port), ("storage", grid.port + 1))
    ]
    spec = {"type": cluster.service, "selector": {GRID: grid.id}, "publishNotReadyAddresses": True, "ports": ports}
    return spec | ({"loadBalancerClass": cluster.load_balancer_class} if cluster.load_balancer_class else {})


def _set(grid: GridRequest, labels: dict[str, str], request: HostRequest, cluster: Cluster) -> Manifest:
    """One pod and never a second: a stateful set makes the next one when the last one is known to be gone."""
    meta = {"labels": labels, "annotations": {DIGEST: grid.digest}}
    spec = pod_spec(
        specification=grid_name(grid.id),
        keys=keys_name(grid.id),
        port=grid.port,
        image=request.image,
        zone=request.zone,
        cluster=cluster,
    )
    return {
        "serviceName": grid_name(grid.id),
        "replicas": 1,
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate"},
        "revisionHistoryLimit": 1,
        "selector": {"matchLabels": {GRID: grid.id}},
        "template": {"metadata": meta, "spec": spec},
    }


def _limits(cluster: Cluster) -> Manifest:
    given = cluster.resources
    most = {"cpu": given.cpu_limit, "memory": given.memory_limit}
    return {
        "type": "Container",
        "max": most,
        "default": most,
        "defaultRequest": {"cpu": given.cpu, "memory": given.memory},
    }


def _quota(slots: int, cluster: Cluster) -> dict[str, str]:
    """As much as the grids of this host need, so that a mistake of ours costs no more than that."""
    counted = {"LoadBalancer": "services.loadbalancers", "NodePort": "services.nodeports"}[cluster.service]
    # A node port Service counts each of its ports; a load balancer's ports are node ports, too.
    hard = {"count/statefulsets.apps": slots, "pods": slots, "services": slots, "secrets": 2 * slots}
    hard |= {counted: 2 * slots if cluster.service == "NodePort" else slots, "persistentvolumeclaims": 0}
    return {name: str(most) for name, most in hard.items()}
