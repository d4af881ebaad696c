"""What web may ask for the owner of a grid: its furl, and what they take along when they leave."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from s4_contracts.ids import AccountId, GridId
from s4_provisioner import names, store
from s4_provisioner.capability import furl_of
from s4_provisioner.exporting import ExportKeys, ExportPage, Exports, GridGone, NoSuchGrid, NothingStored
from s4_provisioner.lifecycle import Wanted
from s4_provisioner.sealing import Seal, SealBroken
from s4_provisioner.settings import Settings
from s4_runtime import Clock, Permanent, Temporary, context, correlation_middleware, error_middleware, is_id
from s4_runtime.http import service_token_middleware
from s4_store import Pool

_MAX_BODY_BYTES = 4096
T = TypeVar("T", bound=msgspec.Struct)


class ClaimRefStale(Permanent):
    """The reference names another furl than the grid's present one, or the grid has none yet."""


class BadRequest(Permanent):
    """The body is not what this route takes."""


_STATUSES = {
    BadRequest: 400,
    NoSuchGrid: 404,
    ClaimRefStale: 409,
    NothingStored: 409,
    GridGone: 410,
    SealBroken: 503,
    Temporary: 503,
}


class Claim(msgspec.Struct, frozen=True):
    """Who asks for which furl."""

    account_id: AccountId
    claim_ref: str


class Furls:
    """Gives out furls, and writes down that it did."""

    def __init__(self, pool: Pool, seal: Seal, settings: Settings, clock: Clock) -> None:
        self._pool = pool
        self._seal = seal
        self._clock = clock
        self._hint = settings.furl_address_hint
        self.token = settings.service_token

    async def read(self, grid_id: GridId, claim: Claim) -> dict[str, Any]:
        """What a client needs to use the grid; secret. The reading is on record before the answer leaves.

        Raises NoSuchGrid, ClaimRefStale, GridGone.
        """
        async with self._pool.transaction() as tx:
            grid = await store.grid(tx, grid_id)
            if grid is None or grid.account_id != claim.account_id:
                raise NoSuchGrid("no-such-grid")
            if grid.wanted is Wanted.ABSENT:
                raise GridGone("grid-gone")
            if grid.proved_at is None or claim.claim_ref != names.claim_ref(grid.id, grid.furl_generation):
                raise ClaimRefStale("claim-ref-stale")
            furl = furl_of(grid, self._seal, hint=self._hint)
            await store.note_read(tx, grid, claim.claim_ref, context.current().correlation_id, self._clock.now())
        # Integers: the command-line client of Tahoe-LAFS 1.20 breaks on strings here.
        shares = {"needed": 1, "happy": 1, "total": 1}
        return {"furl": furl.reveal(), "nickname": names.nickname(grid.id), "shares": shares}


def _door(
    answer: Callable[[GridId, T], Awaitable[dict[str, Any]]], shape: type[T]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """What is asked of one grid, with a body of this shape; no cache keeps the answer."""

    async def handle(request: web.Request) -> web.Response:
        grid_id = request.match_info["grid_id"]
        try:
            asked = msgspec.json.decode(await request.read(), type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise BadRequest("bad-request") from None
        if not is_id(grid_id):
            raise NoSuchGrid("no-such-grid")
        return web.json_response(await answer(GridId(grid_id), asked), headers={"Cache-Control": "no-store"})

    return handle


def application(furls: Furls, exports: Exports | None = None) -> web.Application:
    """The routes, behind the service's token; without ``exports`` that of furls alone."""
    app = web.Application(
        client_max_size=_MAX_BODY_BYTES,
        middlewares=[
            correlation_middleware,
            error_middleware(_STATUSES),
            service_token_middleware(furls.token),
        ],
    )
    app.router.add_post("/grids/{grid_id}/furl", _door(furls.read, Claim))
    if exports is not None:
        app.router.add_post("/grids/{grid_id}/export/objects", _door(exports.objects, ExportPage))
        app.router.add_post("/grids/{grid_id}/export/session", _door(exports.session, ExportKeys))
    return app
