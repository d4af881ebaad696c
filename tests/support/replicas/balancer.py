"""What a Kubernetes Service does for connections: new ones go to who is in it, open ones stay where they are."""

import asyncio
import itertools
from dataclasses import dataclass

_CHUNK = 65536


@dataclass
class Trouble:
    """What a client of the service would have met. `swallowed`: asked something, and no answer came any more."""

    nobody: int = 0
    refused: int = 0
    swallowed: int = 0

    @property
    def total(self) -> int:
        return self.nobody + self.refused + self.swallowed


class Balancer:
    """Listens where the service is, and leads each new connection to the next of its endpoints."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._endpoints: tuple[int, ...] = ()
        self._turn = itertools.count()
        self._server: asyncio.Server | None = None
        self._pumps: set[asyncio.Task[None]] = set()
        self.trouble = Trouble()
        self.connections = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._lead, "127.0.0.1", self._port, backlog=1000)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def lead_to(self, ports: tuple[int, ...]) -> None:
        """New connections go there from now on."""
        self._endpoints = ports

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if not self._endpoints:
            self.trouble.nobody += 1
            writer.transport.abort()
            return
        chosen = self._endpoints[next(self._turn) % len(self._endpoints)]
        try:
            upstream, server = await asyncio.open_connection("127.0.0.1", chosen)
        except OSError:
            self.trouble.refused += 1
            writer.transport.abort()
            return
        leading = _Connection(self)
        for pump in (leading.asks(reader, server), leading.answers(upstream, writer)):
            task = asyncio.create_task(pump)
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)


class _Connection:
    """Both directions of one connection, and whether somebody waits for an answer."""

    def __init__(self, balancer: Balancer) -> None:
        self._balancer = balancer
        self._waits = False
        self._is_left = False

    async def asks(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        try:
            while data := await client.read(_CHUNK):
                self._waits = True
                server.write(data)
                await server.drain()
        except OSError:
            pass
        finally:
            self._is_left = True
            server.close()

    async def answers(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        try:
            while data := await server.read(_CHUNK):
                self._waits = False
                client.write(data)
                await client.drain()
        except OSError:
            pass
        finally:
            if self._waits and not self._is_left:
                self._balancer.trouble.swallowed += 1
            client.close()
