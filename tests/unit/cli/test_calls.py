"""What is sent to a service, and what its answers come to."""

from argparse import Namespace
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from s4_cli.access import Access
from s4_cli.calls import call
from s4_cli.terminal import harmless
from s4_cli.words import parser
from s4_runtime import Permanent, Secret, Temporary, new_id

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def asked_of(handler: Handler, deed: Callable[[Access], Awaitable[Any]]) -> Any:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app, access_log=None) as server:
        return await deed(Access(f"http://127.0.0.1:{server.port}", Secret("a-token")))


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (401, "operator-token-required", Permanent),
        (422, "refund-too-large", Permanent),
        (429, "payment-service-busy", Temporary),
        (503, "payment-service-unavailable", Temporary),
    ],
)
async def test_what_may_be_tried_again_is_told_from_what_is_refused(
    status: int, code: str, error: type[Permanent | Temporary]
) -> None:
    async def refuse(_request: web.Request) -> web.Response:
        return web.json_response({"code": code}, status=status)

    with pytest.raises(error, match=code):
        await asked_of(refuse, lambda access: call(access, "GET", "/operator/drift"))


async def test_the_token_goes_nowhere_else() -> None:
    heard = []

    async def lead_away(request: web.Request) -> web.Response:
        heard.append(request.path)
        raise web.HTTPFound("/elsewhere")

    with pytest.raises(Temporary):
        await asked_of(lead_away, lambda access: call(access, "GET", "/operator/drift"))
    assert heard == ["/operator/drift"]


async def test_one_request_id_for_two_customers_is_two_refunds() -> None:
    ids: list[str] = []

    async def listen(request: web.Request) -> web.Response:
        ids.append((await request.json())["request_id"])
        return web.json_response({})

    invoice = new_id()
    accounts = new_id(), new_id()
    for account in (*accounts, *accounts):
        words = ["billing", "refund", account, "--invoice", invoice, "--note", "sorry", "--request-id", "2"]
        typed: Namespace = parser().parse_args(words)
        await asked_of(listen, partial(typed.deed, asked=typed))
    assert ids[:2] == ids[2:]
    assert ids[0] != ids[1]


def test_what_customers_wrote_does_not_move_the_cursor() -> None:
    assert harmless("one\n\x1b[2Jtwo\x9b3é") == "one\n�[2Jtwo�3é"
