"""Shares over HTTP: which bytes a client wants, and sending them no faster than it takes them."""

from collections.abc import Callable
from typing import NamedTuple

from allmydata.storage.http_server import _HTTPError
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.web import http
from twisted.web.server import Request
from werkzeug.datastructures import ContentRange
from werkzeug.http import parse_range_header
from zope.interface import implementer

from s4_node.wire.shield import unharmed

PIECE = 256 * 1024  # bytes in memory of an answer on its way; a 1.20.0 client asks for half of it at a time

Read = Callable[[int, int], "Deferred[bytes]"]


class CutShort(Exception):
    """A share ends before its own length."""


class Span(NamedTuple):
    """Which bytes of a share are wanted; without an end, all of them from there."""

    start: int = 0
    end: int | None = None

    @classmethod
    def of(cls, request: Request) -> "Span":
        """What the request's Range says: one range of bytes with both ends, or all. Anything else is answered 416."""
        header = request.getHeader("range")
        if header is None:
            return cls()
        asked = parse_range_header(header)
        if asked is None or asked.units != "bytes" or len(asked.ranges) != 1 or asked.ranges[0][1] is None:
            raise _HTTPError(http.REQUESTED_RANGE_NOT_SATISFIABLE)
        start, end = asked.ranges[0]
        return cls(start, end)

    def end_within(self, length: int) -> int:
        """Where the part of it ends that a share of that length has."""
        return max(self.start, length if self.end is None else min(self.end, length))


def announce(request: Request, wanted: Span, start: int, end: int) -> None:
    """Say which bytes follow. No bytes are answered 204: a Content-Range cannot say it."""
    if wanted.end is not None:
        if start >= end:
            raise _HTTPError(http.NO_CONTENT)
        request.setResponseCode(http.PARTIAL_CONTENT)
        request.setHeader("content-range", ContentRange("bytes", start, end).to_header())
    request.setHeader("content-length", str(end - start))


async def send(request: Request, read: Read, length: int) -> bytes:
    """Answer with what is wanted of a share of that length. Klein sends what is returned, as the end of the answer."""
    wanted = Span.of(request)
    start, end = wanted.start, wanted.end_within(length)
    piece = await _piece(read, start, end) if start < end else b""  # first of all: its failure has a status yet
    announce(request, wanted, start, end)
    if start + len(piece) == end:
        return piece
    flow = _Flow()
    request.registerProducer(flow, True)
    try:
        while (start := start + len(piece)) < end:
            request.write(piece)
            await flow.open()
            piece = await _piece(read, start, end)
    finally:
        if request.channel is not None:  # the client is still there
            request.unregisterProducer()
    return piece


async def _piece(read: Read, start: int, end: int) -> bytes:
    piece: bytes = await unharmed(read(start, min(PIECE, end - start)))
    if not piece:
        raise CutShort
    return piece


@implementer(IPushProducer)
class _Flow:
    """Whether the connection takes more at the moment."""

    def __init__(self) -> None:
        self._opening: Deferred[None] | None = None

    def open(self) -> "Deferred[None]":
        """Fire when the connection takes more."""
        opened: Deferred[None] = Deferred()
        if self._opening is None:
            opened.callback(None)
        else:
            self._opening.chainDeferred(opened)
        return opened

    def pauseProducing(self) -> None:  # noqa: N802  Twisted's name
        """The connection is full."""
        if self._opening is None:
            self._opening = Deferred()

    def resumeProducing(self) -> None:  # noqa: N802  Twisted's name
        """The connection takes more."""
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.callback(None)

    def stopProducing(self) -> None:  # noqa: N802  Twisted's name
        """The client is gone: Klein cancels the answer, which is all that stops it."""
