"""Shares on their way to clients over HTTP: no faster than they are taken, and no further than somebody reads them."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from klein import Klein
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import deferLater
from twisted.web.client import ResponseFailed

from s4_node.wire import ranges
from support.spinning import reactor, spin, turns, until
from support.storing import Speaker, listening

LENGTH = 2**30  # more than any buffer on the way


class Share:
    """A share of zeros, read piece by piece."""

    def __init__(self, length: int = LENGTH, *, fails_at: int | None = None, ends_at: int | None = None) -> None:
        self.length, self.fails_at, self.ends_at = length, fails_at, ends_at
        self.read_to, self.ended = 0, False

    def read(self, offset: int, length: int) -> "Deferred[bytes]":
        if self.fails_at is not None and offset >= self.fails_at:
            raise OSError
        if self.ends_at is not None and offset >= self.ends_at:
            return succeed(b"")
        self.read_to = offset + length
        piece: Deferred[bytes] = deferLater(reactor, 0, bytes, length)
        return piece

    async def send(self, request: Any) -> bytes:
        try:
            return await ranges.send(request, self.read, self.length)
        finally:
            self.ended = True


@contextmanager
def served(share: Share) -> Iterator[Speaker]:
    app = Klein()

    @app.route("/storage/v1/share")
    def send(request: Any) -> "Deferred[bytes]":
        answer: Deferred[bytes] = Deferred.fromCoroutine(share.send(request))
        return answer.addErrback(lambda _: request.loseConnection() or b"")

    with listening(app.resource()) as speaker:
        yield speaker


def a_slow_client(speaker: Speaker) -> socket.socket:
    """It asks for the share and takes nothing."""
    address = urlsplit(speaker.address)
    client = socket.create_connection((address.hostname, address.port))
    client.sendall(b"GET /storage/v1/share HTTP/1.1\r\nHost: here\r\n\r\n")
    return client


def test_a_share_is_read_no_faster_than_its_client_takes_it() -> None:
    share = Share()
    with served(share) as speaker, closing(a_slow_client(speaker)):
        until(lambda: share.read_to > 0)
        turns(500)
        before = share.read_to
        turns(500)
        assert share.read_to == before < LENGTH // 10


def test_nothing_is_read_for_a_client_that_is_gone() -> None:
    share = Share()
    with served(share) as speaker:
        with closing(a_slow_client(speaker)):
            until(lambda: share.read_to > 0)
        until(lambda: share.ended)
    assert share.read_to < LENGTH // 10


def test_a_share_arrives_whole_whatever_its_length_is_of_pieces() -> None:
    for length in (0, 1, ranges.PIECE - 1, ranges.PIECE, ranges.PIECE + 1, 3 * ranges.PIECE):
        with served(Share(length)) as speaker:
            answer = spin(speaker.ask("GET", "share"))
        assert answer.body == bytes(length)


@pytest.mark.parametrize("trouble", [{"fails_at": 2 * ranges.PIECE}, {"ends_at": 2 * ranges.PIECE}])
def test_an_answer_that_cannot_be_finished_is_never_taken_for_the_whole(trouble: dict[str, int]) -> None:
    with served(Share(4 * ranges.PIECE, **trouble)) as speaker, pytest.raises(ResponseFailed):
        spin(speaker.ask("GET", "share"))
