"""What clients are told of the server before they ask for objects."""

from s4_devcloud.kubernetes import openapi
from s4_devcloud.kubernetes.kinds import KINDS
from s4_devcloud.kubernetes.schema import VERSION
from s4_devcloud.kubernetes.store import Object

_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update"]


def document(path: str) -> Object | None:
    """The document at this path, if it is one of discovery."""
    parts = [part for part in path.split("/") if part]
    if parts[:2] == ["openapi", "v3"]:
        return openapi.document("/".join(parts[2:]))
    if len(parts) == 2 and parts[0] == "api":
        return _resources("", parts[1])
    if len(parts) == 3 and parts[0] == "apis":
        return _resources(parts[1], parts[2])
    if len(parts) != 1:
        return None
    major, minor, _ = VERSION.split(".")
    known: dict[str, Object] = {
        "version": {"major": major, "minor": minor, "gitVersion": f"v{VERSION}", "platform": "linux/amd64"},
        "api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
        "apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in _groups()]},
    }
    return known.get(parts[0])


def _groups() -> list[str]:
    return sorted({kind.group for kind in KINDS if kind.group})


def _group(name: str) -> Object:
    found = next(kind.version for kind in KINDS if kind.group == name)
    version = {"groupVersion": f"{name}/{found}", "version": found}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _resources(group: str, version: str) -> Object:
    found = [kind for kind in KINDS if (kind.group, kind.version) == (group, version)]
    listed = [
        {
            "name": kind.plural,
            "singularName": kind.name.lower(),
            "namespaced": kind.is_namespaced,
            "kind": kind.name,
            "shortNames": list(kind.short),
            "verbs": _VERBS,
        }
        for kind in found
    ]
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": listed}
