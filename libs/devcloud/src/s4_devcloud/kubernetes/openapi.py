"""As much of the OpenAPI documents as tells clients that the server itself looks at every field."""

from s4_devcloud.kubernetes.kinds import KINDS, Kind
from s4_devcloud.kubernetes.schema import VERSION
from s4_devcloud.kubernetes.store import Object

_CHECKED = {"name": "fieldValidation", "in": "query", "schema": {"type": "string", "uniqueItems": True}}


def document(path: str) -> Object | None:
    """The document below /openapi/v3, or the list of them."""
    groups = {_place(kind): [one for one in KINDS if _place(one) == _place(kind)] for kind in KINDS}
    if not path:
        return {"paths": {place: {"serverRelativeURL": f"/openapi/v3/{place}?hash={VERSION}"} for place in groups}}
    if path not in groups:
        return None
    paths = {_path(kind): {"patch": _patch(kind)} for kind in groups[path]}
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": f"v{VERSION}"}, "paths": paths}


def _place(kind: Kind) -> str:
    return f"apis/{kind.api_version}" if kind.group else f"api/{kind.version}"


def _path(kind: Kind) -> str:
    inside = "/namespaces/{namespace}" if kind.is_namespaced else ""
    return f"/{_place(kind)}{inside}/{kind.plural}/{{name}}"


def _patch(kind: Kind) -> Object:
    about = {"group": kind.group, "version": kind.version, "kind": kind.name}
    return {"parameters": [_CHECKED], "responses": {}, "x-kubernetes-group-version-kind": about}
