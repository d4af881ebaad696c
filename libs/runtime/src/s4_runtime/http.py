"""Pieces of an HTTP service: the story's ids, errors to statuses, the service credential."""

import hmac
import time
from collections.abc import Collection, Mapping

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from s4_runtime import context
from s4_runtime.answers import route_of
from s4_runtime.errors import Trouble
from s4_runtime.logs import get_logger
from s4_runtime.secret import Secret
from s4_runtime.spans import span

ErrorTable = Mapping[type[Exception], int]


@web.middleware
async def correlation_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Bind the request's story, and log one line for it with the route's template instead of the path."""
    began = time.monotonic()
    name = f"{request.method} {route_of(request)}"
    with context.bound(context.from_headers(request.headers)) as cause, span(name, "server") as note:
        status = 500
        try:
            response = await handler(request)
            status = response.status
        except web.HTTPException as error:
            status = error.status
            raise
        finally:
            note("http.response.status_code", status)
            seconds = round(time.monotonic() - began, 4)
            get_logger().info(
                "http.request", method=request.method, route=route_of(request), status=status, seconds=seconds
            )
        if not response.prepared:
            response.headers[context.CORRELATION_HEADER] = cause.correlation_id
        return response


def error_middleware(table: ErrorTable) -> Middleware:
    """Answer {"code": ...} with the status that the table gives to an error; anything else is a 500 without a word."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            code = (error.reason or "error").lower().replace(" ", "-")
            headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
            return web.json_response({"code": code}, status=error.status, headers=headers)
        except tuple(table) as error:
            status = next(status for kind, status in table.items() if isinstance(error, kind))
            code = error.code if isinstance(error, Trouble) else type(error).__name__
            return web.json_response({"code": code}, status=status)
        except Exception as error:  # noqa: BLE001  the last door: nothing of the error may reach the caller
            get_logger().error("http.failed", route=route_of(request), error=type(error).__name__, exc_info=error)
            return web.json_response({"code": "internal-error"}, status=500)

    return answer


def service_token_middleware(token: Secret, *, public: Collection[str] = ()) -> Middleware:
    """Refuse with 401 who does not show the service's token; the route templates in ``public`` are open."""
    expected = f"Bearer {token.reveal()}".encode()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        shown = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if route_of(request) not in public and not hmac.compare_digest(shown, expected):
            return web.json_response({"code": "service-token-required"}, status=401)
        return await handler(request)

    return check
