"""What the support page hears: everything."""

from collections.abc import Sequence
from typing import Any

import msgspec

from s4_bus import Route, on
from s4_bus.topology import LISTENERS
from s4_contracts import Event, encode, routing_key
from s4_runtime import Clock, derived_id
from s4_store import Transaction


class Desk:
    """Where events are written down."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def routes(self) -> Sequence[Route[Any]]:
        """Every event of the others."""
        return [on(event, self.note) for event in LISTENERS["support"]]

    async def note(self, event: Event, tx: Transaction) -> None:
        """The event is on record, once."""
        text = encode(event).decode()
        facts = msgspec.json.encode(msgspec.to_builtins(event)).decode()
        sql = "INSERT INTO events VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
        await tx.execute(sql, derived_id("event", text), routing_key(event), event.occurred_at, facts)
