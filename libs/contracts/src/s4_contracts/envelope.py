"""The base of every event."""

from datetime import datetime
from typing import Annotated

import msgspec

# Without tz=True msgspec would accept a naive time and leave the format out of the schema.
Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Something that is now true. It carries ids and plain facts: never a furl, a key, a token or a card.

    The event's id, correlation, causation and trace ids ride in the message's properties and headers,
    so that a handler decides by facts alone.
    """

    occurred_at: Timestamp


def routing_key(event: type[Event] | Event) -> str:
    """The event's name on the bus, such as ``billing.signup-paid.v1``; it is also the ``type`` in the body."""
    cls = event if isinstance(event, type) else type(event)
    tag = cls.__struct_config__.tag
    if not isinstance(tag, str):
        raise TypeError(f"{cls.__name__} has no tag of its own")
    return tag
