"""Kubernetes's own schemas, in which an unknown field is an error; read once for each kind."""

from collections.abc import Iterator
from functools import cache

from jsonschema import Draft202012Validator
from kubernetes_validate.utils import schema_contents  # type: ignore[import-untyped]  # it has no marker for types
from referencing import Registry, Resource

from support.manifests.rendering import Manifests, Object, title
from support.manifests.shapes import shape_of

# docs/operations/kubernetes.md, "What the cluster must have".
VERSION = "1.36.0"
_FOLDER = f"kubernetes-json-schema/v{VERSION}-local-strict"


def mistakes(given: Manifests) -> Iterator[str]:
    """What the API server would refuse, or ignore."""
    for one in given.objects:
        for error in _validator(one).iter_errors(one):
            yield f"{title(one)}: {'.'.join(map(str, error.path))}: {error.message}"


def _validator(one: Object) -> Draft202012Validator:
    group, _, version = one["apiVersion"].rpartition("/")
    is_built_in = "." not in group or group.endswith(".k8s.io")
    built_in = (
        _built_in(one["kind"], "-".join(filter(None, (group.partition(".")[0], version)))) if is_built_in else None
    )
    return built_in or Draft202012Validator(shape_of(one))


@cache
def _built_in(kind: str, version: str) -> Draft202012Validator | None:
    try:
        schema = schema_contents(f"{_FOLDER}/{kind.lower()}-{version}.json", VERSION)
    except FileNotFoundError:
        return None
    return Draft202012Validator(schema, registry=_definitions().with_resource("", Resource.from_contents(schema)))


@cache
def _definitions() -> Registry[dict[str, object]]:
    contents = schema_contents(f"{_FOLDER}/_definitions.json", VERSION)
    return Resource.from_contents(contents) @ Registry()
