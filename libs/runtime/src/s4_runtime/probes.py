"""Health, readiness and metrics, on a port of their own."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from s4_runtime.serve import serve

Readiness = Callable[[], Awaitable[dict[str, bool]]]


async def serve_probes(listen: str, readiness: Readiness) -> None:
    """Answer /healthz (the process runs), /readyz (200 when all of ``readiness`` holds, else 503) and /metrics."""

    async def health(_request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def ready(_request: web.Request) -> web.Response:
        state = await readiness()
        return web.json_response(state, status=200 if all(state.values()) else 503)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/healthz", health)
    app.router.add_get("/readyz", ready)
    app.router.add_get("/metrics", metrics)
    await serve(app, listen, name="probes")
