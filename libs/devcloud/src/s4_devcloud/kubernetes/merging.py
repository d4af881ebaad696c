"""How a change gets into an object: server-side apply, replacement and merge patches, with the owners of each field."""

import copy
from typing import Any

from s4_devcloud.kubernetes import fields
from s4_devcloud.kubernetes.fields import Path
from s4_devcloud.kubernetes.problems import Refused
from s4_devcloud.kubernetes.store import Object

APPLY, UPDATE = "Apply", "Update"


def applied(live: Object, wanted: Object, manager: str, *, force: bool) -> Object:
    """The object after a server-side apply: what this manager does not want any more and nobody else owns is gone.

    Raises Refused (409) where another manager owns a field and wants it otherwise.
    """
    lines = live["metadata"].get("managedFields", [])
    own = _line(lines, manager, APPLY)
    before, wants = (fields.owned_by(own) if own else set()), fields.paths(wanted)
    others = [line for line in lines if line is not own]
    taken = {path for path in wants if fields.value_at(live, path) != fields.value_at(wanted, path)}
    conflicts = {line["manager"]: fields.owned_by(line) & taken for line in others}
    conflicts = {name: found for name, found in conflicts.items() if found}
    if conflicts and not force:
        raise _conflict(conflicts)
    merged: Object = _merged(copy.deepcopy(live), wanted, "")
    others = [kept for line in others if (kept := _without(line, taken))]
    shared = set().union(*(fields.owned_by(line) for line in others)) if others else set()
    # whole items of lists first: without its name an item could not be found
    for path in sorted(before - wants - shared, key=lambda path: (path[-1] != ".", -len(path), path)):
        _drop(merged, path)
    mine = fields.entry(manager, APPLY, wanted["apiVersion"], wants)
    if own and fields.owned_by(own) == wants:
        mine = own
    merged["metadata"]["managedFields"] = [*others, mine]
    return merged


def updated(live: Object | None, changed: Object, manager: str) -> Object:
    """The object, whose changed fields are the manager's from now on."""
    lines = live["metadata"].get("managedFields", []) if live else []
    comparable = _without_lines(changed)
    own = _line(lines, manager, UPDATE)
    present = fields.paths(comparable)
    taken = {path for path in present if live is None or fields.value_at(live, path) != fields.value_at(changed, path)}
    taken = {path for path in taken if path[0] in {"f:spec", "f:data", "f:rules"} or path[1:2] == ("f:labels",)}
    kept = [left for line in lines if line is not own and (left := _without(line, taken))]
    mine = ((fields.owned_by(own) if own else set()) & present) | taken
    added = [fields.entry(manager, UPDATE, changed["apiVersion"], mine)] if mine else []
    return {**changed, "metadata": {**changed["metadata"], "managedFields": [*kept, *added]}}


def merge_patched(live: Any, patch: Any) -> Any:
    """The object after a JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(live) if isinstance(live, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patched(merged.get(name), value)
    return merged


def is_same(one: Object, other: Object) -> bool:
    """Whether nothing was changed that anybody could care for."""
    return _bare(one) == _bare(other)


def _bare(value: Object) -> Object:
    lines = [{**line, "time": ""} for line in value["metadata"].get("managedFields", [])]
    return {**value, "metadata": {**value["metadata"], "managedFields": lines}}


def _merged(live: Any, wanted: Any, name: str) -> Any:
    if isinstance(wanted, dict) and isinstance(live, dict):
        for field, value in wanted.items():
            live[field] = _merged(live.get(field), value, field)
        return live
    keys = fields.keys_of(name, wanted) if isinstance(wanted, list) and isinstance(live, list) else None
    if not keys:
        return copy.deepcopy(wanted)
    known = {fields.key_of(item, keys): item for item in live}
    for item in wanted:
        key = fields.key_of(item, keys)
        known[key] = _merged(known.get(key), item, "")
    return [*known.values()]


def _drop(value: Any, path: Path) -> None:
    holder = fields.value_at(value, path[:-1])
    last = path[-1]
    if last == ".":
        outer, name = fields.value_at(value, path[:-2]), path[-3][2:]
        if isinstance(outer, list) and holder in outer:
            fields.value_at(value, path[:-3])[name] = [item for item in outer if item is not holder]
    elif isinstance(holder, dict):
        holder.pop(last[2:], None)
        _drop_empty(value, path[:-1])


def _drop_empty(value: Any, path: Path) -> None:
    """Maps that held nothing else go with their last field."""
    if len(path) > 1 and path[-1].startswith("f:") and fields.value_at(value, path) == {}:
        holder = fields.value_at(value, path[:-1])
        if isinstance(holder, dict):
            holder.pop(path[-1][2:], None)
            _drop_empty(value, path[:-1])


def _line(lines: list[Object], manager: str, operation: str) -> Object | None:
    return next((line for line in lines if (line["manager"], line["operation"]) == (manager, operation)), None)


def _without(line: Object, taken: set[Path]) -> Object | None:
    owned = fields.owned_by(line)
    if not owned & taken:
        return line
    left = owned - taken
    return fields.entry(line["manager"], line["operation"], line["apiVersion"], left) if left else None


def _without_lines(value: Object) -> Object:
    return {**value, "metadata": {key: inner for key, inner in value["metadata"].items() if key != "managedFields"}}


def _conflict(conflicts: dict[str, set[Path]]) -> Refused:
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{name}"', "field": ".".join(path)}
        for name, found in conflicts.items()
        for path in sorted(found)
    ]
    return Refused(409, f"Apply failed with {len(causes)} conflicts", details={"causes": causes})
