import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

import s4_contracts
from s4_contracts import EVENTS, Event, MalformedEvent, UnknownEvent, decode, encode, routing_key
from s4_contracts.asyncapi import document
from s4_contracts.provisioner import ProvisioningProgressed
from s4_contracts.schemas import incompatibilities, schema_of

ROOT = Path(__file__).parents[2]
PUBLISHED = Path(s4_contracts.__file__).parent / "published"


def an(event: type[Event]) -> Event:
    """Any event of that version, made from its schema."""
    values: dict[str, Any] = {}
    for name, shape in schema_of(event)["properties"].items():
        kinds: dict[str | None, Any] = {
            "string": "x",
            "integer": 1,
            "number": 1.5,
            "boolean": True,
            "array": [],
            None: None,
        }
        values[name] = shape["enum"][0] if "enum" in shape else kinds[shape.get("type")]
        if shape.get("format") == "date-time":
            values[name] = "2026-01-01T00:00:00Z"
    return msgspec.convert(values, event)


@pytest.mark.parametrize("event", EVENTS, ids=routing_key)
def test_an_event_survives_the_wire_and_fields_of_a_later_release_are_ignored(event: type[Event]) -> None:
    told = an(event)
    assert decode(encode(told), routing_key(event)) == told
    later = json.dumps(json.loads(encode(told)) | {"added_later": [1, {"x": 2}]}).encode()
    assert decode(later, routing_key(event)) == told


@pytest.mark.parametrize("event", EVENTS, ids=routing_key)
def test_a_published_event_changes_only_by_optional_additions(event: type[Event]) -> None:
    """A change that breaks a consumer needs a new version beside the old one (libs/contracts/README.md)."""
    published = json.loads((PUBLISHED / f"{routing_key(event)}.json").read_text())
    assert incompatibilities(published, schema_of(event)) == []


def test_no_published_version_was_dropped() -> None:
    assert {path.stem for path in PUBLISHED.glob("*.json")} == {routing_key(event) for event in EVENTS}


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda s: s["properties"].pop("plan"), "plan was removed"),
        (lambda s: s["properties"]["plan"].update(type="integer"), "plan changed its type"),
        (lambda s: s["required"].append("period_end"), "period_end is newly required"),
        (lambda s: s["required"].remove("plan"), "plan is no longer promised"),
    ],
)
def test_each_incompatible_change_is_found(change: Any, verdict: str) -> None:
    published = json.loads((PUBLISHED / "billing.signup-paid.v1.json").read_text())
    current = json.loads(json.dumps(published))
    change(current)
    assert verdict in incompatibilities(published, current)


def test_an_optional_addition_is_free() -> None:
    published = json.loads((PUBLISHED / "billing.signup-paid.v1.json").read_text())
    current = json.loads(json.dumps(published))
    current["properties"]["locale"] = {"type": "string"}
    assert incompatibilities(published, current) == []


@pytest.mark.parametrize("name", ["billing.signup-paid.v2", "nonsense", ""])
def test_an_unknown_version_is_told_apart_from_a_broken_body(name: str) -> None:
    with pytest.raises(UnknownEvent):
        decode(b"{}", name)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[]", b"\xff\xfe", b'{"type":"web.furl-claimed.v1"}', b'{"type":"other.v1"}']
)
def test_a_broken_body_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        decode(body, "web.furl-claimed.v1")


def test_a_naive_time_is_malformed_and_no_value_is_quoted() -> None:
    event = json.loads(encode(an(ProvisioningProgressed)))
    with pytest.raises(MalformedEvent, match="occurred_at"):
        decode(json.dumps(event | {"occurred_at": "2026-01-01T00:00:00"}).encode(), routing_key(ProvisioningProgressed))
    with pytest.raises(MalformedEvent) as refused:
        decode(json.dumps(event | {"state": "pb://secret"}).encode(), routing_key(ProvisioningProgressed))
    assert "pb://" not in str(refused.value)
    assert "state" in str(refused.value)


def test_names_follow_the_rule_and_docstrings_say_what_is_true() -> None:
    for event in EVENTS:
        owner, fact, version = routing_key(event).split(".")
        assert owner == event.__module__.removeprefix("s4_contracts.")
        assert "".join(word.title() for word in fact.split("-")) == event.__name__
        assert version.startswith("v")
        assert event.__doc__


def test_no_event_has_room_for_a_secret() -> None:
    words = ("furl", "key", "token", "secret", "password", "card", "url")
    fields = {(event.__name__, field) for event in EVENTS for field in schema_of(event)["properties"]}
    assert [found for found in sorted(fields) if any(word in found[1] for word in words)] == []
    # Where letters go is told by who learned it; everybody else has an id.
    ours = [("EmailChangeRequested", "email"), ("EmailChanged", "email"), ("SignupPaid", "email")]
    assert [found for found in sorted(fields) if "email" in found[1]] == ours


def test_a_time_is_told_in_utc() -> None:
    event = msgspec.structs.replace(an(EVENTS[0]), occurred_at=datetime(2026, 1, 2, tzinfo=UTC))
    assert b'"2026-01-02T00:00:00Z"' in encode(event)


def test_the_asyncapi_document_is_the_committed_one() -> None:
    """Run ``make schema`` after a change of the contracts."""
    assert json.loads((ROOT / "docs/reference/asyncapi.json").read_text()) == document()
