"""Who handles what: a list that can be read, and that the type checker reads too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from s4_contracts import Event, routing_key
from s4_store import Transaction

E = TypeVar("E", bound=Event)
Handler = Callable[[E, Transaction], Awaitable[None]]


class Route(msgspec.Struct, Generic[E], frozen=True):
    """An event version and the coroutine that records what it asks for."""

    event: type[E]
    handler: Handler[E]


def on(event: type[E], handler: Handler[E]) -> Route[E]:
    """Events of this version go to this handler."""
    return Route(event, handler)


def by_type(routes: Sequence[Route[Any]]) -> dict[str, tuple[Route[Any], ...]]:
    """The routes of each event version, in their order."""
    found: dict[str, tuple[Route[Any], ...]] = {}
    for route in routes:
        name = routing_key(route.event)
        found[name] = (*found.get(name, ()), route)
    return found
