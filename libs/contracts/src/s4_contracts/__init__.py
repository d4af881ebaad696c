"""What the services say to each other: one struct per event version, and nothing else."""

from s4_contracts.codec import MalformedEvent, UnknownEvent, decode, encode
from s4_contracts.envelope import Event, Timestamp, routing_key
from s4_contracts.registry import EVENTS

__all__ = [
    "EVENTS",
    "Event",
    "MalformedEvent",
    "Timestamp",
    "UnknownEvent",
    "decode",
    "encode",
    "routing_key",
]
