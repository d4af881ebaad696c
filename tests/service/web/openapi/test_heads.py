"""What is no request at all is answered with a code: no echo of it, no word about the program, no fault."""

import socket
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from service.web.openapi.served import Served

_SILENCE = 2  # seconds
CANARY = "canary-tag"
HEADS = {
    "a line too long": b"GET /claim?token=<%b>%b HTTP/1.1\r\nHost: x\r\n\r\n" % (CANARY.encode(), b"a" * 9000),
    "a header too long": b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: <%b>%b\r\n\r\n" % (CANARY.encode(), b"a" * 9000),
    "no method": b"<%b> / HTTP/1.1\r\nHost: x\r\n\r\n" % CANARY.encode(),
    "no version": b"GET /%b\r\n\r\n" % CANARY.encode(),
    "a header without a name": b"GET / HTTP/1.1\r\n: <%b>\r\nHost: x\r\n\r\n" % CANARY.encode(),
    "two lengths": b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 7\r\n\r\n%b" % b"a" * 7,
    "a length and chunks": (
        b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /"
    ),
    "chunks that are none": (
        b"POST /sign-in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n<%b>\r\n" % CANARY.encode()
    ),
    "a newline in a header": b"GET / HTTP/1.1\r\nHost: x\r\nX-A: b\n<%b>: c\r\n\r\n" % CANARY.encode(),
    "something else": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03%b" % CANARY.encode(),
}


def told(world: Served, head: bytes) -> str:
    """All that comes back until the site closes, or has nothing more to say."""
    where = urlsplit(world.site.origin)
    found = b""
    with (
        suppress(TimeoutError),
        socket.create_connection((where.hostname or "", where.port or 0), timeout=_SILENCE) as connection,
    ):
        connection.sendall(head)
        while part := connection.recv(65536):
            found += part
    return found.decode("utf-8", "replace")


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_what_is_no_request_is_answered_without_an_echo(world: Served, head: bytes) -> None:
    answer = told(world, head)
    assert answer == "" or answer.startswith(("HTTP/1.1 4", "HTTP/1.0 4", "HTTP/0.9 4", "HTTP/1.1 200"))
    assert CANARY not in answer
    assert "aiohttp" not in answer.lower()
    assert "bytearray" not in answer
    if answer:
        assert "X-Content-Type-Options: nosniff" in answer
        assert "Content-Security-Policy: default-src 'none'" in answer


def test_after_all_that_the_site_still_answers(world: Served) -> None:
    for head in HEADS.values():
        told(world, head)
    assert told(world, b"GET /terms HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").startswith("HTTP/1.1 200")
