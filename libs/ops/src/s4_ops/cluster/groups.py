"""Machines of a cluster as kops' instance groups: encrypted disks, and a metadata service that pods cannot reach."""

from typing import Any

from s4_ops.cluster.spec import Group, Spec

_API = "kops.k8s.io/v1alpha2"
# What came over a bridge or a tunnel has one hop less: only the machine itself is answered (EC2, "Instance metadata").
_METADATA = {"httpTokens": "required", "httpPutResponseHopLimit": 1}
# The control plane's pods use the host's network, so they are within one hop, too.


def control_planes(spec: Spec) -> dict[str, str]:
    """The group of the control plane's machine in each zone that has one."""
    return {zone: f"control-plane-{zone}" for zone in spec.zones[: spec.control_plane.machines]}


def order(spec: Spec) -> tuple[list[str], list[str]]:
    """The names of all groups, in the order in which they are upgraded: of the control plane, then of nodes."""
    return list(control_planes(spec).values()), [group.name for group in spec.groups]


def instance_groups(spec: Spec) -> list[dict[str, Any]]:
    """All InstanceGroups."""
    return [
        *(_control_plane(spec, name, zone) for zone, name in control_planes(spec).items()),
        *(_nodes(spec, group) for group in spec.groups),
    ]


def _control_plane(spec: Spec, name: str, zone: str) -> dict[str, Any]:
    plane = spec.control_plane
    only = {"role": "Master", "minSize": 1, "maxSize": 1, "subnets": [zone]}
    return _group(spec, name, _common(spec, plane.machine, plane.disk_gib) | only)


def _nodes(spec: Spec, group: Group) -> dict[str, Any]:
    more: dict[str, Any] = {"role": "Node", "minSize": group.min, "maxSize": group.max, "subnets": list(spec.zones)}
    more |= {"nodeLabels": dict(group.labels)} if group.labels else {}
    more |= {"taints": list(group.taints)} if group.taints else {}
    return _group(spec, group.name, _common(spec, group.machine, group.disk_gib) | more)


def _group(spec: Spec, name: str, told: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"kops.k8s.io/cluster": spec.name}}
    return {"apiVersion": _API, "kind": "InstanceGroup", "metadata": metadata, "spec": told}


def _common(spec: Spec, machine: str, disk_gib: int) -> dict[str, Any]:
    image = {"image": spec.image} if spec.image else {}
    return {
        "machineType": machine,
        **image,
        "associatePublicIp": False,
        "instanceMetadata": dict(_METADATA),
        "rootVolumeType": "gp3",
        "rootVolumeSize": disk_gib,
        "rootVolumeEncryption": True,
        "rootVolumeEncryptionKey": spec.encryption_key,
    }
