"""Who owns which fields of an object: sets of paths, and how they stand in managedFields ("FieldsV1")."""

import json
from collections.abc import Iterator
from typing import Any

from s4_devcloud.kubernetes.store import Object, now

Path = tuple[str, ...]
# Lists whose items are known by a key (Kubernetes OpenAPI, x-kubernetes-list-map-keys); all others are one value.
KEYS: dict[str, tuple[tuple[str, Any], ...]] = {
    "containers": (("name", None),),
    "initContainers": (("name", None),),
    "env": (("name", None),),
    "volumes": (("name", None),),
    "imagePullSecrets": (("name", None),),
    "volumeMounts": (("mountPath", None),),
    "ownerReferences": (("uid", None),),
}
_PORT_KEYS = {
    "containerPort": (("containerPort", None), ("protocol", "TCP")),
    "port": (("port", None), ("protocol", "TCP")),
}
_NOBODYS = {("f:apiVersion",), ("f:kind",), ("f:metadata", "f:name"), ("f:metadata", "f:namespace")}


def keys_of(name: str, items: list[Any]) -> tuple[tuple[str, Any], ...] | None:
    """By what the items of this list are known; None when the list is one value."""
    if not all(isinstance(item, dict) for item in items):
        return None
    if name == "ports":
        return next(
            (keys for field, keys in _PORT_KEYS.items() if items and all(field in item for item in items)), None
        )
    return KEYS.get(name)


def key_of(item: Object, keys: tuple[tuple[str, Any], ...]) -> str:
    """The item's path element."""
    return "k:" + json.dumps({name: item.get(name, usual) for name, usual in keys}, sort_keys=True)


def paths(value: Object) -> set[Path]:
    """Every field of an object that somebody can own."""
    return {path for path in _paths(value, "", ()) if path not in _NOBODYS}


def _paths(value: Any, name: str, at: Path) -> Iterator[Path]:
    if isinstance(value, dict) and value:
        for field, inner in value.items():
            yield from _paths(inner, field, (*at, f"f:{field}"))
    elif isinstance(value, list) and (keys := keys_of(name, value)):
        for item in value:
            here = (*at, key_of(item, keys))
            yield (*here, ".")
            yield from _paths(item, "", here)
    else:
        yield at


def value_at(value: Any, path: Path) -> Any:
    """What is there; None when nothing is."""
    name = ""
    for element in path:
        if element.startswith("f:"):
            name = element[2:]
            value = value.get(name) if isinstance(value, dict) else None
        elif element.startswith("k:"):
            value = next((item for item in value or [] if key_of(item, keys_of(name, value) or ()) == element), None)
    return value


def entry(manager: str, operation: str, api_version: str, owned: set[Path]) -> Object:
    """One manager's line in managedFields."""
    tree: Object = {}
    for path in sorted(owned):
        node = tree
        for element in path:
            node = node.setdefault(element, {})
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": api_version,
        "time": now(),
        "fieldsType": "FieldsV1",
        "fieldsV1": tree,
    }


def owned_by(line: Object) -> set[Path]:
    """The fields of a line in managedFields."""
    return set(_branches(line["fieldsV1"], ()))


def _branches(tree: Object, at: Path) -> Iterator[Path]:
    if not tree:
        yield at
    for element, inner in tree.items():
        yield from _branches(inner, (*at, element))
