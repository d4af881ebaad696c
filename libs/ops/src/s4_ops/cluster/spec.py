"""What a cluster shall be: one file per cluster, which the repository keeps."""

import re
from ipaddress import IPv4Network
from pathlib import Path
from typing import Literal

import msgspec
import yaml

from s4_runtime import Permanent

Environment = Literal["production", "staging", "throwaway"]
FOLDER = Path("ops") / "clusters"
OLDEST = (1, 30)  # ValidatingAdmissionPolicy, which k8s/grids needs, is stable since Kubernetes 1.30
_LABEL = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_ACCOUNT = re.compile(r"\d{12}")


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Nodes of one kind, between ``min`` and ``max`` of them, spread over all zones of the cluster."""

    name: str
    machine: str
    min: int
    max: int
    disk_gib: int = 64
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    taints: tuple[str, ...] = ()


class ControlPlane(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One machine in each of the first ``machines`` zones; an odd number, for etcd's majority."""

    machine: str
    machines: Literal[1, 3, 5]
    disk_gib: int = 64


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A cluster as it shall be. ``way``: made by kops, or AWS's own (EKS), which only ``validate`` and ``list`` know.

    ``encryption_key`` (ARN) encrypts every disk and the bucket with kops' state. ``ssh``: nobody logs in to nodes by
    SSH (``none``; Session Manager is there), or a key that ``create`` makes (``generated``).
    """

    name: str
    environment: Environment
    account: str
    region: str
    zones: tuple[str, ...]
    kubernetes: str
    dns_zone: str
    state_bucket: str
    identity_bucket: str
    encryption_key: str
    api_access: tuple[str, ...]
    control_plane: ControlPlane
    groups: tuple[Group, ...]
    network: str = "10.32.0.0/16"
    ssh: Literal["none", "generated"] = "none"
    way: Literal["kops", "managed"] = "kops"
    image: str | None = None
    dashboard: str = "headlamp/headlamp"
    expires: str | None = None

    @property
    def version(self) -> tuple[int, int, int]:
        """The version of Kubernetes as numbers."""
        return version(self.kubernetes)

    @property
    def state(self) -> str:
        """Where kops keeps what it knows, as kops wants it told."""
        return f"s3://{self.state_bucket}"

    def group(self, name: str) -> Group:
        """The group of this name. Raises Permanent."""
        for group in self.groups:
            if group.name == name:
                return group
        raise Permanent("no-such-group", group=name, has=",".join(each.name for each in self.groups))


def version(text: str) -> tuple[int, int, int]:
    """Three numbers. Raises Permanent."""
    found = _VERSION.fullmatch(text.removeprefix("v"))
    if not found:
        raise Permanent("not-a-version", given=text, wanted="1.32.4")
    major, minor, patch = map(int, found.groups())
    return major, minor, patch


def load(environment: str, file: Path | None = None) -> Spec:
    """The spec of an environment; another file's must be of the environment that was asked for. Raises Permanent."""
    path = file or FOLDER / f"{environment}.yaml"
    try:
        spec = msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), Spec)
    except OSError:
        raise Permanent("no-cluster-spec", file=str(path)) from None
    except UnicodeDecodeError:
        raise Permanent("cluster-spec-unreadable", file=str(path), why="no UTF-8") from None
    except (yaml.YAMLError, msgspec.ValidationError) as wrong:
        raise Permanent("cluster-spec-unreadable", file=str(path), why=str(wrong).replace("\n", " ")) from None
    if spec.environment != environment:
        raise Permanent("wrong-environment", asked=environment, spec=spec.environment, file=str(path))
    for complaint in complaints(spec):
        raise Permanent("cluster-spec-wrong", file=str(path), why=complaint)
    return spec


def complaints(spec: Spec) -> list[str]:
    """Why no cluster can be made of this; nothing when one can."""
    return [
        *_of_names(spec),
        *(["zones must be of the region, each once"] if not _zones_fit(spec) else []),
        *(["control_plane.machines exceeds the zones"] if spec.control_plane.machines > len(spec.zones) else []),
        *(["kubernetes is older than 1.30"] if spec.version[:2] < OLDEST else []),
        *(["production needs three machines of the control plane"] if _is_fragile(spec) else []),
        *(["production's API must not be open to all"] if _is_open(spec) else []),
        *[f"group {each.name}: min is above max" for each in spec.groups if not 0 <= each.min <= each.max],
        *(["only a throw-away cluster expires"] if _expiry_is_wrong(spec) else []),
        *(["network must be a private /16 or larger"] if not _network_fits(spec.network) else []),
    ]


def _of_names(spec: Spec) -> list[str]:
    names = [group.name for group in spec.groups]
    found = [f"group {name}: not a name" for name in names if not _LABEL.fullmatch(name)]
    found += ["groups need different names"] if len(set(names)) < len(names) or not names else []
    found += ["account is not twelve digits"] if not _ACCOUNT.fullmatch(spec.account) else []
    found += ["name must lie in dns_zone"] if not spec.name.endswith(f".{spec.dns_zone}") else []
    found += ["encryption_key is no ARN of a KMS key"] if not spec.encryption_key.startswith("arn:aws:kms:") else []
    # The provisioner and storage nodes may use every bucket s4-DEPLOYMENT-*, and kops' state holds the cluster's keys.
    buckets = (spec.state_bucket, spec.identity_bucket)
    found += ["names of buckets must not begin with s4-"] if any(each.startswith("s4-") for each in buckets) else []
    return found + (["the two buckets must differ"] if spec.state_bucket == spec.identity_bucket else [])


def _zones_fit(spec: Spec) -> bool:
    ours = all(zone.startswith(spec.region) and len(zone) == len(spec.region) + 1 for zone in spec.zones)
    return bool(spec.zones) and ours and len(set(spec.zones)) == len(spec.zones)


def _is_fragile(spec: Spec) -> bool:
    return spec.environment == "production" and spec.control_plane.machines < 3


def _is_open(spec: Spec) -> bool:
    return spec.environment == "production" and bool({"0.0.0.0/0", "::/0"} & set(spec.api_access))


def _expiry_is_wrong(spec: Spec) -> bool:
    return spec.environment != "throwaway" and spec.expires is not None


def _network_fits(network: str) -> bool:
    try:
        found = IPv4Network(network)
    except ValueError:
        return False
    return found.is_private and found.prefixlen <= 16
