"""Events to bytes and back."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from s4_contracts.envelope import Event, routing_key
from s4_contracts.registry import EVENTS


class UnknownEvent(ValueError):
    """No event version of this name is known here."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown event {name!r}")
        self.name = name


class MalformedEvent(ValueError):
    """The body is not what its event version promises. The text names the field, never a value."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"malformed {name}: {reason}")
        self.name = name
        self.reason = reason


_ENCODER = msgspec.json.Encoder()
_DECODERS: Mapping[str, msgspec.json.Decoder[Event]] = MappingProxyType(
    {routing_key(cls): msgspec.json.Decoder(cls) for cls in EVENTS}
)


def encode(event: Event) -> bytes:
    """The event as JSON, its type included."""
    return _ENCODER.encode(event)


def decode(body: bytes, name: str) -> Event:
    """The event of version ``name`` that ``body`` holds. Fields that this version does not know are ignored.

    Raises UnknownEvent or MalformedEvent.
    """
    decoder = _DECODERS.get(name)
    if decoder is None:
        raise UnknownEvent(name)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise MalformedEvent(name, _without_values(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise MalformedEvent(name, "not JSON") from None


def _without_values(reason: str) -> str:
    """Say what is wrong and where; msgspec quotes a wrong enum value, which may be anything."""
    if reason.startswith("Invalid"):
        return "invalid value at " + (reason.rpartition(" - at ")[2] or "$")
    return reason
