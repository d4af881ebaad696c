"""The control API: what the local cloud is doing, and what it shall do wrong."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from s4_devcloud.aws.faults import FaultRefused
from s4_devcloud.aws.fleet import Fleet

SHOWN = {"impaired", "terminated"}


def application(fleet: Fleet, about: dict[str, Any]) -> web.Application:
    """Routes: GET /state, GET POST DELETE /faults."""
    faults = fleet.faults

    async def state(_: web.Request) -> web.Response:
        return web.json_response({**about, "instances": fleet.listed(), "faults": faults.listed()})

    async def listed(_: web.Request) -> web.Response:
        return web.json_response({"faults": faults.listed()})

    async def add(request: web.Request) -> web.Response:
        described = await request.json()
        if not isinstance(described, dict):
            raise FaultRefused("a fault is a JSON object")
        if described.get("kind") == "lost":
            await asyncio.to_thread(_lose, fleet, described)
            return web.json_response({"done": True})
        return web.json_response({"id": faults.add(described).id}, status=201)

    async def clear(_: web.Request) -> web.Response:
        faults.clear()
        return web.json_response({"faults": []})

    app = web.Application(middlewares=[_refusals])
    app.add_routes([web.get("/state", state), web.get("/faults", listed)])
    app.add_routes([web.post("/faults", add), web.delete("/faults", clear)])
    return app


def _lose(fleet: Fleet, described: dict[str, Any]) -> None:
    shows = described.get("shows", "impaired")
    if shows not in SHOWN:
        raise FaultRefused("shows is impaired or terminated")
    if not fleet.lose(str(described.get("instance_id")), shows):
        raise FaultRefused("no machine runs for this instance_id")


@web.middleware
async def _refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except FaultRefused as refused:
        return web.json_response({"error": str(refused)}, status=422)
    except json.JSONDecodeError:
        return web.json_response({"error": "not JSON"}, status=400)
