"""A request, taken apart: what it is about and what it wants done."""

import json
from dataclasses import dataclass
from typing import Any

import yaml
from aiohttp import web

from s4_devcloud.kubernetes.kinds import Kind, kind_at
from s4_devcloud.kubernetes.problems import Refused

_VERBS = {"PUT": "update", "PATCH": "patch"}
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
_PATCHES = {APPLY, MERGE}
PROTOBUF = "application/vnd.kubernetes.protobuf"  # what kubectl writes objects in when it creates them


@dataclass(frozen=True)
class Call:
    """What one request is about. `name` is empty for a collection."""

    verb: str
    kind: Kind
    namespace: str
    name: str
    subresource: str

    @property
    def resource(self) -> str:
        """As RBAC names it."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural


def call_of(request: web.Request) -> Call:
    """What the request is about. Raises Refused (404, 405)."""
    parts = [part for part in request.path.split("/") if part]
    match parts:
        case ["api", version, *rest]:
            group = ""
        case ["apis", group, version, *rest]:
            pass
        case _:
            raise Refused(404, "the server could not find the requested resource")
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2 and kind_at(group, version, rest[2]) is not None:
        namespace, rest = rest[1], rest[2:]
    kind = kind_at(group, version, rest[0]) if rest else None
    name, subresource = [*rest[1:], "", ""][:2] if rest else ("", "")
    if kind is None or len(rest) > 3 or (subresource and subresource not in kind.subresources):
        raise Refused(404, "the server could not find the requested resource")
    if kind.is_namespaced and not namespace and (name or request.method != "GET"):
        raise Refused(405, "the server does not allow this method on the requested resource")
    return Call(_verb(request.method, name, subresource), kind, namespace, name, subresource)


def _verb(method: str, name: str, subresource: str) -> str:
    if method == "GET":
        return "get" if name else "list"
    if method == "DELETE":
        return "delete" if name else "deletecollection"
    if method == "POST" and (not name or subresource):
        return "create"
    if method in _VERBS and name and not subresource:
        return _VERBS[method]
    raise Refused(405, "the server does not allow this method on the requested resource")


async def body_of(request: web.Request) -> dict[str, Any]:
    """The object that was sent; an empty one when nothing was. Raises Refused (400, 415)."""
    sent = await request.read()
    is_unknown = request.content_type == PROTOBUF or (
        request.method == "PATCH" and request.content_type not in _PATCHES
    )
    if is_unknown:
        raise Refused(415, f"the body of the request was in an unknown format: {request.content_type}")
    try:
        is_yaml = request.content_type.endswith("yaml")
        found = (yaml.safe_load(sent) if is_yaml else json.loads(sent)) if sent else {}
    except (ValueError, yaml.YAMLError):
        raise Refused(400, "the body of the request is not readable") from None
    if not isinstance(found, dict):
        raise Refused(400, "the body of the request is not an object")
    return found
