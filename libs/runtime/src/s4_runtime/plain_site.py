"""A listener whose every answer is ours, also to what is no request at all."""

import asyncio
import logging
from http import HTTPStatus

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from s4_runtime.logs import get_logger

_SILENT = logging.getLogger("s4_runtime.no-access-log")
_SILENT.disabled = True
# What any browser may do with an answer that no page of ours gave: nothing.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Server": "S4",
}


class _PlainHandler(RequestHandler):
    """aiohttp's own answer to a request that it cannot read repeats the beginning of it; this one says only a code."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  holds what was sent
    ) -> web.StreamResponse:
        get_logger().warning("http.malformed", status=status, error=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        code = HTTPStatus(status).phrase.lower().replace(" ", "-")
        response = web.json_response({"code": code}, status=status, headers=_HEADERS)
        response.force_close()
        return response


class PlainSite(web.BaseSite):
    """Listens on one address. Nothing but our own line in the log tells of a request."""

    __slots__ = ("_host", "_port")

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        super().__init__(runner)
        self._host, self._port = host, port

    @property
    def name(self) -> str:
        """Where it listens."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Connections are taken."""
        await super().start()
        server, loop = self._runner.server, asyncio.get_running_loop()
        if server is None:
            raise RuntimeError("the runner is not set up")
        self._server = await loop.create_server(
            lambda: _PlainHandler(server, loop=loop, access_log=_SILENT),
            self._host,
            self._port,
            backlog=self._backlog,
        )
