"""A TCP proxy whose connections a test can cut, refuse or hold."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit


class CutProxy:
    """Stands before a server. ``url`` leads through it. With ``tls`` it speaks TLS to its clients."""

    def __init__(self, target: str, tls: ssl.SSLContext | None = None) -> None:
        self._target = urlsplit(target)
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._open = True
        self.accepted = 0
        self.refused = 0

    @property
    def url(self) -> str:
        """The server's url, through the proxy."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        host = f"{self._target.username}:{self._target.password}@127.0.0.1:{port}"
        return urlunsplit(self._target._replace(netloc=host))

    def cut(self) -> int:
        """Every connection ends at once, without a goodbye. How many there were."""
        cut = len(self._writers)
        for writer in list(self._writers):
            writer.transport.abort()
        self._writers.clear()
        return cut // 2

    def refuse(self) -> None:
        """Cut, and accept nobody until ``accept``."""
        self._open = False
        self.cut()

    def accept(self) -> None:
        """Take connections again."""
        self._open = True

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        if self._pumps:
            await asyncio.wait(self._pumps, timeout=5)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            self.refused += 1
            writer.transport.abort()
            return
        self.accepted += 1
        try:
            upstream, server = await asyncio.open_connection(self._target.hostname, self._target.port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, server}
        for source, sink in ((reader, server), (upstream, writer)):
            pump = asyncio.create_task(self._pump(source, sink))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            self._writers.discard(sink)
            sink.close()


@asynccontextmanager
async def cut_proxy(target: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[CutProxy]:
    """A proxy to the server of this url."""
    proxy = CutProxy(target, tls)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
