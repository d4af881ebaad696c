"""What the support page hears: everything."""

from collections.abc import Sequence
from typing import Any

from s4_bus import Route, on
from s4_bus.topology import LISTENERS
from s4_contracts import Event, encode
from s4_runtime import context, derived_id
from s4_store import Transaction
from s4_support import records


class Desk:
    """Where events are written down."""

    def routes(self) -> Sequence[Route[Any]]:
        """Every event of the others."""
        return [on(event, self.note) for event in LISTENERS["support"]]

    async def note(self, event: Event, tx: Transaction) -> None:
        """The event is on record, once, with the story that it belongs to."""
        cause = context.current()
        event_id = cause.causation_id or derived_id("event", encode(event).decode())
        await records.put(tx, event, event_id, cause.correlation_id)
