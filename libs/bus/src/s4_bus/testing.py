"""For tests only: handling an event as the consumer would, without a broker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from s4_bus.routes import Route
from s4_contracts import Event, decode, encode, routing_key
from s4_runtime import context, new_id
from s4_store import Pool, inbox


async def deliver(pool: Pool, routes: Sequence[Route[Any]], event: Event, *, event_id: str | None = None) -> bool:
    """The event has had its effect, over the wire format and through the inbox; False if it had had it before.

    What the handler raises is raised, and nothing is committed. Give the same ``event_id`` again to deliver twice.
    """
    message_id = event_id or new_id()
    known = decode(encode(event), routing_key(event))
    handlers = [route.handler for route in routes if route.event is type(known)]
    assert handlers, f"no route for {routing_key(event)}"  # noqa: S101  tests only
    async with pool.transaction() as tx:
        if not await inbox.admit(tx, [message_id]):
            return False
        with context.bound(context.from_headers(context.to_headers(context.current()), message_id)):
            for handler in handlers:
                await handler(known, tx)
    return True
