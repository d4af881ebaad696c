"""Serving one aiohttp application for as long as the service lives."""

import asyncio
import errno

from aiohttp import web
from aiohttp.typedefs import Handler

from s4_runtime.answers import measured
from s4_runtime.forever import forever
from s4_runtime.listen import AddressTaken, split_address
from s4_runtime.logs import get_logger
from s4_runtime.plain_site import PlainSite

# Time for requests under way when the service is told to stop.
SHUTDOWN_SECONDS = 5.0
# Before that, for callers on open connections to hear with an answer that they should go elsewhere.
LEAVING_SECONDS = 1.0
_LOOK = 0.02  # seconds


class Leaving:
    """Answers that end their connection, once the service has been told to stop.

    A connection that is closed while nobody asks anything may meet a request that is on its way to it: what is lost
    then was not answered, and the caller cannot know whether it was heard.
    """

    def __init__(self) -> None:
        self.is_leaving = False

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The answer, and that it is the last one here."""
        try:
            response = await handler(request)
        except web.HTTPException as error:
            self._mark(error)
            raise
        self._mark(response)
        return response

    async def until_gone(self, runner: web.AppRunner, seconds: float) -> None:
        """Nobody is connected any more, or the time is over."""
        self.is_leaving = True
        deadline = asyncio.get_running_loop().time() + seconds
        while runner.server is not None and runner.server.connections:
            if asyncio.get_running_loop().time() > deadline:
                return
            await asyncio.sleep(_LOOK)

    def _mark(self, response: web.StreamResponse) -> None:
        if self.is_leaving and not response.prepared:
            response.force_close()


async def serve(app: web.Application, listen: str, *, name: str = "http") -> None:
    """Answer on ``listen`` until cancelled, and count what is answered; then tell callers to go, and let requests end.

    Raises AddressTaken when the port is in use.
    """
    host, port = split_address(listen)
    leaving = Leaving()
    app.middlewares[:0] = [leaving.middleware, measured(name)]
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, handle_signals=False)
    await runner.setup()
    try:
        site = PlainSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise AddressTaken("address-in-use", listen=listen, listener=name) from None
            raise
        get_logger().info("http.listening", listener=name, addresses=[f"{a[0]}:{a[1]}" for a in runner.addresses])
        await forever()
    finally:
        try:
            await leaving.until_gone(runner, LEAVING_SECONDS)
        finally:
            await runner.cleanup()
