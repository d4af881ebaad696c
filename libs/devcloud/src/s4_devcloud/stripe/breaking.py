"""How a fault breaks an answer: instead of the work, or on the answer's way."""

import asyncio

from aiohttp import web

from s4_devcloud.stripe.faults import Fault
from s4_devcloud.stripe.problems import Problem

_DROPS = 10  # pieces in which a slow body comes


async def break_before(http: web.Request, fault: Fault) -> web.StreamResponse | None:
    """What a fault does instead of the request's work; None when the work goes on."""
    match fault.kind:
        case "429":
            raise Problem(429, "Too many requests made to the API too quickly", code="rate_limit")
        case "lock_timeout":
            raise Problem(429, "Another request holds a lock on this object. Try again.", code="lock_timeout")
        case "409":
            raise Problem(
                409,
                "There is currently another in-progress request using this Idempotency Key.",
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        case "503":
            raise Problem(503, "The API is temporarily unavailable.", kind="api_error")
        case "html":
            return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
        case "drop":
            _cut(http)
            raise web.HTTPServiceUnavailable
        case _:
            return None


async def send(http: web.Request, answer: web.Response, fault: Fault | None) -> web.StreamResponse:
    """The answer, or the headers and half of it, or all of it bit by bit."""
    if fault is None or fault.kind not in ("cut_body", "slow_body"):
        return answer
    body = answer.body if isinstance(answer.body, bytes) else b""
    stream = web.StreamResponse(status=answer.status, headers=answer.headers)
    stream.content_length = len(body)
    await stream.prepare(http)
    if fault.kind == "cut_body":
        await stream.write(body[: len(body) // 2])
        _cut(http)
        return stream
    size = max(1, -(-len(body) // _DROPS))
    for start in range(0, len(body), size):
        await stream.write(body[start : start + size])
        await asyncio.sleep(fault.seconds / _DROPS)
    await stream.write_eof()
    return stream


def _cut(http: web.Request) -> None:
    if http.transport is not None:
        http.transport.abort()
