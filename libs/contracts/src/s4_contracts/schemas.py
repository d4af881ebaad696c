"""JSON Schema of each event version, and the rule for changing one."""

from typing import Any

import msgspec

from s4_contracts.envelope import Event

Schema = dict[str, Any]


def schema_of(event: type[Event]) -> Schema:
    """The JSON Schema (2020-12) of one event version, without references."""
    (schema,), components = msgspec.json.schema_components([event])
    name = schema["$ref"].rsplit("/", 1)[-1]
    resolved: Schema = components[name]
    return resolved


def incompatibilities(published: Schema, current: Schema) -> list[str]:
    """What a consumer of the published schema would miss in the current one; empty when the change is free.

    Adding an optional field is free. Removing or retyping a field, or requiring a new one, needs a new version.
    """
    before, after = published["properties"], current["properties"]
    problems = [f"{name} was removed" for name in before if name not in after]
    for name, shape in before.items():
        if name in after and _shape(shape) != _shape(after[name]):
            problems.append(f"{name} changed its type")
    newly = set(current.get("required", ())) - set(published.get("required", ()))
    problems += [f"{name} is newly required" for name in sorted(newly)]
    dropped = set(published.get("required", ())) - set(current.get("required", ()))
    problems += [f"{name} is no longer promised" for name in sorted(dropped)]
    return problems


def _shape(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key not in {"description", "title", "default"}}
