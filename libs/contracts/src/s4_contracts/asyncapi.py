"""The AsyncAPI 3.0 document of the bus, generated from the events."""

from typing import Any

from s4_contracts.envelope import routing_key
from s4_contracts.registry import EVENTS
from s4_contracts.schemas import schema_of


def document() -> dict[str, Any]:
    """One channel and one message for each event version (AsyncAPI 3.0.0, "AsyncAPI Object")."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for event in EVENTS:
        key = routing_key(event)
        owner, fact, version = key.split(".")
        name = event.__name__ if version == "v1" else f"{event.__name__}{version.upper()}"
        schemas[name] = schema_of(event)
        messages[name] = {
            "name": key,
            "title": event.__name__,
            "summary": (event.__doc__ or "").strip().splitlines()[0],
            "contentType": "application/json",
            "payload": {"$ref": f"#/components/schemas/{name}"},
            "correlationId": {"location": "$message.header#/correlation_id"},
        }
        channels[name] = {
            "address": key,
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
            "bindings": {"amqp": {"is": "routingKey", "exchange": {"name": "s4.events", "type": "topic"}}},
        }
        operations[f"{owner}-tells-{fact}-{version}"] = {"action": "send", "channel": {"$ref": f"#/channels/{name}"}}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "S4 events", "version": "1", "description": "Facts that S4's services tell each other."},
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }
