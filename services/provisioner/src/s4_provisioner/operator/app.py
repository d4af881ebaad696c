"""The operators' routes."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from s4_provisioner.operator import (
    asking,
    cost_views,
    deleting,
    grid_deeds,
    grid_views,
    host_deeds,
    host_views,
    rollout_deeds,
    sweep_deeds,
)
from s4_provisioner.operator.asking import AUDIT, Act, Answer, Wish
from s4_provisioner.tools import Tools
from s4_runtime import correlation_middleware, error_middleware, operators
from s4_runtime.refusals import STATUSES
from s4_store import Pool

_MAX_BODY_BYTES = 16 * 1024
W = TypeVar("W", bound=Wish)
Query = Callable[[Pool, Mapping[str, str]], Awaitable[Answer]]


class Desk:
    """Answers questions, and has deeds done: each in one transaction with its row in the audit."""

    def __init__(self, pool: Pool, tools: Tools) -> None:
        self._pool, self._tools = pool, tools

    def asks(self, query: Query) -> Handler:
        """What is answered to a question that may have words behind a question mark."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return _json(await query(self._pool, request.query))

        return handle

    def names(self, query: Callable[[Pool, str], Awaitable[Answer]]) -> Handler:
        """What is answered about the thing that the path names."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return _json(await query(self._pool, request.match_info["about"]))

        return handle

    def does(self, what: str, deed: Callable[[Act, W], Awaitable[Answer]], shape: type[W]) -> Handler:
        """The deed is done, or shown, and on record."""

        async def handle(request: web.Request) -> web.StreamResponse:
            wish = asking.read(await request.read(), shape)
            who, about, now = request[operators.OPERATOR], request.match_info.get("about", ""), self._tools.clock.now()
            async with self._pool.transaction() as tx:
                act = Act(tx=tx, tools=self._tools, who=who, what=what, about=about, now=now)
                answer = await deed(act, wish)
                if not wish.dry_run:
                    told = what + "-asked" if "confirm" in answer else what
                    await AUDIT.note(tx, now, who, told, about or None, **_facts(wish))
            return _json(answer)

        return handle

    async def costs(self, pool: Pool, query: Mapping[str, str]) -> Answer:
        """What grids cost, by the prices of the settings."""
        return await cost_views.costs(pool, self._tools, query)

    async def audit(self, request: web.Request) -> web.StreamResponse:
        """What operators did."""
        return _json({"audit": await AUDIT.latest(self._pool, asking.limit_of(request.query, 50))})


def application(pool: Pool, tools: Tools) -> web.Application:
    """All routes, for operators alone."""
    named = operators.read(tools.settings.operator_tokens) or {}
    door = operators.operators_only(named, tools.settings.deployment)
    app = web.Application(
        middlewares=[correlation_middleware, error_middleware(STATUSES), door], client_max_size=_MAX_BODY_BYTES
    )
    desk = Desk(pool, tools)
    app.router.add_get("/operator/audit", desk.audit)
    _add_grids(app.router, desk)
    _add_hosts(app.router, desk)
    _add_rollouts(app.router, desk)
    _add_sweep(app.router, desk)
    return app


def _add_grids(router: web.UrlDispatcher, desk: Desk) -> None:
    router.add_get("/operator/grids", desk.asks(grid_views.rows))
    router.add_get("/operator/grids/{about}", desk.names(grid_views.one))
    router.add_get("/operator/usage", desk.asks(cost_views.usage))
    router.add_get("/operator/costs", desk.asks(desk.costs))
    router.add_get("/operator/versions", desk.asks(lambda pool, _: grid_views.versions(pool)))
    for name, deed, shape in (
        ("recover", grid_deeds.recover, Wish),
        ("suspend", grid_deeds.suspend, Wish),
        ("resume", grid_deeds.resume, Wish),
        ("rotate-credentials", grid_deeds.rotate, Wish),
    ):
        router.add_post(f"/operator/grids/{{about}}/{name}", desk.does(f"grid-{name}", deed, shape))
    router.add_post("/operator/grids/{about}/move", desk.does("grid-move", grid_deeds.move, grid_deeds.Moving))
    router.add_post("/operator/grids/{about}/delete", desk.does("grid-delete", deleting.delete, deleting.Deletion))


def _add_hosts(router: web.UrlDispatcher, desk: Desk) -> None:
    router.add_get("/operator/hosts", desk.asks(host_views.rows))
    router.add_get("/operator/hosts/{about}", desk.names(host_views.one))
    router.add_get("/operator/quota", desk.asks(lambda pool, _: host_views.quota(pool)))
    router.add_get("/operator/breakers", desk.asks(lambda pool, _: host_views.breakers(pool)))
    router.add_post("/operator/hosts/{about}/drain", desk.does("host-drain", host_deeds.drain, Wish))
    router.add_post("/operator/hosts/{about}/undrain", desk.does("host-undrain", host_deeds.undrain, Wish))
    router.add_post(
        "/operator/hosts/{about}/rotate-credentials", desk.does("host-rotate-credentials", grid_deeds.rotate_host, Wish)
    )
    router.add_post(
        "/operator/hosts/{about}/release", desk.does("host-release", host_deeds.release, host_deeds.Releasing)
    )
    router.add_post("/operator/breakers/{about}", desk.does("breaker", host_deeds.force_breaker, host_deeds.Forcing))


def _add_rollouts(router: web.UrlDispatcher, desk: Desk) -> None:
    at = "/operator/rollouts/{about}"
    router.add_get("/operator/rollouts", desk.asks(lambda pool, _: rollout_deeds.show(pool)))
    router.add_post(f"{at}/start", desk.does("rollout-start", rollout_deeds.start, rollout_deeds.Starting))
    router.add_post(f"{at}/pause", desk.does("rollout-pause", rollout_deeds.pause, Wish))
    router.add_post(f"{at}/resume", desk.does("rollout-resume", rollout_deeds.resume, Wish))
    router.add_post(f"{at}/back", desk.does("rollout-back", rollout_deeds.back, Wish))


def _add_sweep(router: web.UrlDispatcher, desk: Desk) -> None:
    router.add_get("/operator/findings", desk.asks(lambda pool, _: sweep_deeds.show(pool)))
    router.add_post("/operator/sweep", desk.does("sweep", sweep_deeds.run, Wish))
    router.add_post("/operator/findings/{about}", desk.does("sweep-approve", sweep_deeds.approve, sweep_deeds.Approval))


def _facts(wish: Wish) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(wish)
    return {name: value for name, value in told.items() if name != "confirm" and value not in (None, False)}


def _json(answer: object) -> web.Response:
    """Times are ISO 8601, UTC."""
    return web.Response(
        body=msgspec.json.encode(answer), content_type="application/json", headers={"Cache-Control": "no-store"}
    )
