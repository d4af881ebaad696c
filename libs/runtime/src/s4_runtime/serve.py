"""Serving one aiohttp application for as long as the service lives."""

import errno

from aiohttp import web

from s4_runtime.answers import measured
from s4_runtime.forever import forever
from s4_runtime.listen import AddressTaken, split_address
from s4_runtime.logs import get_logger
from s4_runtime.plain_site import PlainSite

# Time for requests under way when the service is told to stop.
SHUTDOWN_SECONDS = 5.0


async def serve(app: web.Application, listen: str, *, name: str = "http") -> None:
    """Answer on ``listen`` until cancelled, and count what is answered; then let requests under way end.

    Raises AddressTaken when the port is in use.
    """
    host, port = split_address(listen)
    app.middlewares.insert(0, measured(name))
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
        await runner.cleanup()
