"""The one question that web may ask: the furl of a grid, when its owner claims it."""

from typing import Any

import msgspec
from aiohttp import web

from s4_contracts.ids import AccountId, GridId
from s4_provisioner import names, store
from s4_provisioner.capability import furl_of
from s4_provisioner.lifecycle import Wanted
from s4_provisioner.sealing import Seal, SealBroken
from s4_provisioner.settings import Settings
from s4_runtime import Clock, Permanent, Temporary, context, correlation_middleware, error_middleware, is_id
from s4_runtime.http import service_token_middleware
from s4_store import Pool

_MAX_BODY_BYTES = 4096


class NoSuchGrid(Permanent):
    """There is no such grid, or it is not this account's: who asks is not told which."""


class ClaimRefStale(Permanent):
    """The reference names another furl than the grid's present one, or the grid has none yet."""


class GridGone(Permanent):
    """The grid was given up."""


class BadRequest(Permanent):
    """The body is not what this route takes."""


_STATUSES = {BadRequest: 400, NoSuchGrid: 404, ClaimRefStale: 409, GridGone: 410, SealBroken: 503, Temporary: 503}


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


def application(furls: Furls) -> web.Application:
    """The routes, behind the service's token."""

    async def read_furl(request: web.Request) -> web.Response:
        grid_id = request.match_info["grid_id"]
        try:
            claim = msgspec.json.decode(await request.read(), type=Claim)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise BadRequest("bad-request") from None
        if not is_id(grid_id):
            raise NoSuchGrid("no-such-grid")
        answer = await furls.read(GridId(grid_id), claim)
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    app = web.Application(
        client_max_size=_MAX_BODY_BYTES,
        middlewares=[
            correlation_middleware,
            error_middleware(_STATUSES),
            service_token_middleware(furls.token),
        ],
    )
    app.router.add_post("/grids/{grid_id}/furl", read_furl)
    return app
