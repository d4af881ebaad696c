"""What surrounds an event on the wire: its id, its type, and the headers that tell the story."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from datetime import datetime, timedelta
from typing import Any

import aio_pika
import msgspec
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic

from s4_bus.routes import Route
from s4_contracts import Event, MalformedEvent, UnknownEvent, decode
from s4_runtime import Permanent, SystemClock, context, is_id

ATTEMPTS = "x-s4-attempts"
CODE = "x-s4-code"
EMITTED = "X-Emitted-At"
# What we wrote ourselves. The broker's own headers are not copied to another queue: it adds them anew.
_KEPT = (context.CORRELATION_HEADER, "X-Causation-Id", "traceparent", EMITTED, ATTEMPTS)


class Unreadable(Permanent):
    """The message is none that this service can handle."""


class Arrival(msgspec.Struct, frozen=True):
    """A message that this service understands."""

    message: DeliveredMessage
    id: str
    type: str
    event: Event
    cause: context.Cause
    routes: tuple[Route[Any], ...]


def read(message: DeliveredMessage, routes: dict[str, tuple[Route[Any], ...]]) -> Arrival:
    """The event in the message, and who handles it. Raises Unreadable."""
    properties = message.header.properties
    name = properties.message_type or ""
    found = routes.get(name)
    if found is None:
        raise Unreadable("unknown-event")
    if not is_id(properties.message_id or ""):
        raise Unreadable("malformed-id")
    try:
        event = decode(message.body, name)
    except UnknownEvent:
        raise Unreadable("unknown-event") from None
    except MalformedEvent:
        raise Unreadable("malformed-event") from None
    return Arrival(message, properties.message_id or "", name, event, cause_of(message), found)


def attempts_of(message: DeliveredMessage) -> int:
    """How many attempts have failed."""
    found = (message.header.properties.headers or {}).get(ATTEMPTS)
    return found if isinstance(found, int) else 0


def emitted_at(message: DeliveredMessage) -> datetime | None:
    """When the event came into its owner's outbox, if the message says so."""
    found = (message.header.properties.headers or {}).get(EMITTED)
    try:
        told = datetime.fromisoformat(found) if isinstance(found, str) else None
    except ValueError:
        return None
    return told if told and told.tzinfo else None


def is_suspect(message: DeliveredMessage) -> bool:
    """Whether somebody had the message before and did not come to its end: it may be the reason."""
    return bool((message.header.properties.headers or {}).get("x-delivery-count"))


def outgoing(service: str, event_id: str, name: str, headers: str, emitted_at: datetime) -> Basic.Properties:
    """Properties of an event that leaves the outbox."""
    return Basic.Properties(
        message_id=event_id,
        message_type=name,
        app_id=service,
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        headers={**json.loads(headers), EMITTED: emitted_at.isoformat()},
    )


def again(
    message: DeliveredMessage, headers: dict[str, str | int], *, expiration: timedelta | None = None
) -> aio_pika.Message:
    """The message as it goes on to another queue, with our headers changed by ``headers``."""
    old = message.header.properties
    return aio_pika.Message(
        message.body,
        message_id=old.message_id,
        type=old.message_type,
        app_id=old.app_id,
        content_type=old.content_type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        expiration=expiration,
        timestamp=SystemClock().now(),
        headers={**kept_headers(old.headers or {}), **headers},
    )


def kept_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the headers that we wrote ourselves."""
    return {name: value for name, value in headers.items() if name in _KEPT}


def cause_of(message: DeliveredMessage) -> context.Cause:
    """The story that the message belongs to, and the message as the cause of what comes next."""
    properties = message.header.properties
    headers = {name: value for name, value in (properties.headers or {}).items() if isinstance(value, str)}
    return context.from_headers(headers, properties.message_id if is_id(properties.message_id or "") else None)


def described(message: DeliveredMessage, known: Container[str]) -> dict[str, str]:
    """Type and id as a log may show them: what is not of the right form may be anything."""
    name, event_id = message.header.properties.message_type or "", message.header.properties.message_id or ""
    return {"type": name if name in known else "unknown", "event_id": event_id if is_id(event_id) else "unreadable"}
