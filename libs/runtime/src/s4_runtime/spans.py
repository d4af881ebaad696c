"""Spans of the story that is bound here. Without a place to send them nothing is made, and nothing is paid."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from datetime import datetime
from typing import Literal, Protocol

Kind = Literal["server", "client", "producer", "consumer", "internal"]
# Ids, templates, codes and numbers; never an address, a query, a body or a furl.
Facts = Mapping[str, str | int]


# Adds a fact to the span that is open.
Note = Callable[[str, str | int], None]


class Maker(Protocol):
    """Makes spans. The story inside of one goes on from it."""

    def span(self, name: str, kind: Kind, facts: Facts) -> AbstractContextManager[Note]:
        """A span as long as the block lasts; it is an error if an error leaves the block."""
        ...

    def past(self, name: str, kind: Kind, facts: Facts, since: datetime) -> None:
        """A span from then until now."""
        ...


class _Place:
    """Where spans go, once somebody has said so."""

    url: str | None = None
    ratio: float = 1.0
    maker: Maker | None = None


_PLACE = _Place()


def send_spans(url: str | None, ratio: float) -> None:
    """From the next ``exporting`` on, this part of all stories goes to ``url`` (OTLP over HTTP)."""
    _PLACE.url, _PLACE.ratio = url, ratio


@asynccontextmanager
async def exporting(service: str) -> AsyncIterator[None]:
    """Spans are made and sent as long as the block lasts, if there is a place for them."""
    if _PLACE.url is None:
        yield
        return
    from s4_runtime.otlp import exported

    async with exported(service, _PLACE.url, _PLACE.ratio) as maker:
        _PLACE.maker = maker
        try:
            yield
        finally:
            _PLACE.maker = None


def _nothing(_name: str, _value: str | int) -> None:
    """Nobody wants to know."""


@contextmanager
def span(name: str, kind: Kind = "internal", **facts: str | int) -> Iterator[Note]:
    """What happens in the block is one span of the story, and what it causes goes on from there."""
    if _PLACE.maker is None:
        yield _nothing
        return
    with _PLACE.maker.span(name, kind, facts) as note:
        yield note


def past_span(name: str, kind: Kind, since: datetime, **facts: str | int) -> None:
    """What began then has just ended."""
    if _PLACE.maker is not None:
        _PLACE.maker.past(name, kind, facts, since)


def are_sent() -> bool:
    """Whether it is worth while to find out what a span needs."""
    return _PLACE.maker is not None
