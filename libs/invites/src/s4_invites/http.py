"""The routes that web asks by, behind the service's token."""

from typing import TypeVar

import msgspec
from aiohttp import web

from s4_contracts.ids import AccountId, GridId, InviteId
from s4_invites.office import GridNotReady, InviteIdTaken, NoSuchGrid, NoSuchInvite, Office, Wanted
from s4_runtime import Permanent, Secret, Temporary, correlation_middleware, error_middleware, is_id
from s4_runtime.http import service_token_middleware

_MAX_BODY_BYTES = 4096
_SECRET = {"Cache-Control": "no-store"}  # answers hold codes
T = TypeVar("T")


class BadRequest(Permanent):
    """The question is not what this route takes."""


class Withdrawal(msgspec.Struct, frozen=True):
    """Who withdraws."""

    account_id: AccountId


_STATUSES = {
    BadRequest: 400,
    NoSuchGrid: 404,
    NoSuchInvite: 404,
    GridNotReady: 409,
    InviteIdTaken: 409,
    Temporary: 503,
}


def application(office: Office, token: Secret) -> web.Application:
    """POST and GET /invites, POST /invites/{invite_id}/withdraw."""

    async def open_invite(request: web.Request) -> web.Response:
        wanted = await _read(request, Wanted)
        _check_ids(wanted.invite_id, wanted.account_id, wanted.grid_id)
        return web.json_response(await office.open(wanted), headers=_SECRET)

    async def list_invites(request: web.Request) -> web.Response:
        account, grid = request.query.get("account_id", ""), request.query.get("grid_id", "")
        _check_ids(account, grid)
        invites = await office.of_grid(AccountId(account), GridId(grid))
        return web.json_response({"invites": invites}, headers=_SECRET)

    async def withdraw(request: web.Request) -> web.Response:
        invite, account = request.match_info["invite_id"], (await _read(request, Withdrawal)).account_id
        _check_ids(account)
        if not is_id(invite):
            raise NoSuchInvite("no-such-invite")
        return web.json_response(await office.withdraw(InviteId(invite), account), headers=_SECRET)

    app = web.Application(
        client_max_size=_MAX_BODY_BYTES,
        middlewares=[correlation_middleware, error_middleware(_STATUSES), service_token_middleware(token)],
    )
    app.router.add_post("/invites", open_invite)
    app.router.add_get("/invites", list_invites)
    app.router.add_post("/invites/{invite_id}/withdraw", withdraw)
    return app


async def _read(request: web.Request, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.read(), type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadRequest("bad-request") from None


def _check_ids(*ids: str) -> None:
    if not all(is_id(each) for each in ids):
        raise BadRequest("bad-request")
