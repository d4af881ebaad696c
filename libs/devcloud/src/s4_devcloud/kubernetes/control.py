"""The control API: what the cluster is doing, what it was asked, and what shall go wrong."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from s4_devcloud.kubernetes.access import Access
from s4_devcloud.kubernetes.api import Api
from s4_devcloud.kubernetes.faults import FaultRefused, Faults
from s4_devcloud.kubernetes.kubelet import Kubelet


def application(about: dict[str, Any], api: Api, faults: Faults, kubelet: Kubelet, access: Access) -> web.Application:
    """The routes: /state, /faults, /calls, POST /nodes/{name}/lose, DELETE /tokens, POST /images."""

    async def state(_: web.Request) -> web.Response:
        return web.json_response({**about, "faults": faults.listed()})

    async def add(request: web.Request) -> web.Response:
        described = await request.json()
        if not isinstance(described, dict):
            raise FaultRefused("a fault is a JSON object")
        return web.json_response({"id": faults.add(described).id}, status=201)

    async def clear(_: web.Request) -> web.Response:
        faults.clear()
        return web.json_response({"faults": []})

    async def calls(request: web.Request) -> web.Response:
        seen = dict(api.calls)
        if request.method == "DELETE":
            api.calls.clear()
        return web.json_response({"calls": seen, "total": sum(seen.values())})

    async def lose(request: web.Request) -> web.Response:
        kubelet.lose_node(request.match_info["name"])
        return web.json_response({"done": True})

    async def forget(_: web.Request) -> web.Response:
        access.forget_tokens()
        return web.json_response({"done": True})

    async def pretend(request: web.Request) -> web.Response:
        kubelet.pretended.learn(await request.json())
        return web.json_response({"done": True}, status=201)

    app = web.Application(middlewares=[_refusals])
    app.add_routes([web.get("/state", state), web.post("/faults", add), web.delete("/faults", clear)])
    app.add_routes([web.get("/calls", calls), web.delete("/calls", calls), web.delete("/tokens", forget)])
    app.add_routes([web.post("/nodes/{name}/lose", lose), web.post("/images", pretend)])
    return app


@web.middleware
async def _refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except (FaultRefused, ValueError) as refused:
        return web.json_response({"error": str(refused)}, status=422)
