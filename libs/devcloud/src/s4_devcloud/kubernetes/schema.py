"""Objects as the API server of one release takes them: nothing unknown, nothing of another type."""

from functools import cache

from jsonschema import Draft202012Validator
from kubernetes_validate.utils import schema_contents  # type: ignore[import-untyped]  # it carries no types
from referencing import Registry, Resource

from s4_devcloud.kubernetes.kinds import Kind
from s4_devcloud.kubernetes.problems import Refused, invalid
from s4_devcloud.kubernetes.store import Object

VERSION = "1.36.0"
_FOLDER = f"kubernetes-json-schema/v{VERSION}-local-strict"


def check(kind: Kind, written: Object) -> None:
    """Raise Refused: 400 for fields that do not exist, 422 for values that cannot be."""
    errors = sorted(_validator(kind).iter_errors(written), key=lambda error: [str(part) for part in error.path])
    unknown = [error for error in errors if error.validator == "additionalProperties"]
    if unknown:
        where = ".".join(str(part) for part in unknown[0].path)
        raise Refused(400, f"strict decoding error: {where or 'object'}: {unknown[0].message[:200]}")
    if errors:
        causes = [(".".join(str(part) for part in error.path), error.message[:200]) for error in errors[:5]]
        raise invalid(f'{kind.name}.{kind.group} "{written["metadata"].get("name", "")}"', *causes)


# Whatever an operator's definition says, every object has these.
_FOREIGN = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata"],
    "properties": {"metadata": {"type": "object"}, "spec": {"type": "object"}},
}


@cache
def _validator(kind: Kind) -> Draft202012Validator:
    if kind.is_foreign:
        return Draft202012Validator(_FOREIGN)
    group = kind.group.partition(".")[0]
    name = "-".join(part for part in (kind.name.lower(), group, kind.version) if part)
    schema = Resource.from_contents(schema_contents(f"{_FOLDER}/{name}.json", VERSION))
    return Draft202012Validator(schema.contents, registry=schema @ _definitions())


@cache
def _definitions() -> Registry:
    definitions = Resource.from_contents(schema_contents(f"{_FOLDER}/_definitions.json", VERSION))
    found: Registry = definitions @ Registry()
    return found
