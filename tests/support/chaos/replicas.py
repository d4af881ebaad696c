"""Two replicas of the provisioner that die at whatever they wait for, and come again."""

import asyncio
from datetime import timedelta
from random import Random
from typing import Any

import msgspec

from s4_provisioner.loops import loops
from s4_provisioner.probe import Proof, Unproved
from s4_provisioner.tools import Tools
from s4_runtime import Secret
from support.provisioner import Desk

_HELD = timedelta(milliseconds=500)
# What a killed process had in its hands stays leased to somebody who will not come back.
_LEFT = """
update {table} set lease_token = gen_random_uuid(), lease_until = $1 where due_at is not null and random() < 0.5
"""


class Caller:
    """In place of the real client, which no machine of a crowd can satisfy: somebody listens at the furl."""

    async def prove(self, furl: Secret) -> Proof:
        """There is an introducer where the furl's address hint says."""
        address, port = furl.reveal().split("@")[1].split("/")[0].split(",")[-1].rsplit(":", 1)
        try:
            async with asyncio.timeout(2):
                _, writer = await asyncio.open_connection(address.removeprefix("tcp:"), int(port))
        except (OSError, TimeoutError):
            raise Unproved("probe-introducer-unreachable") from None
        writer.transport.abort()
        return Proof(0.01)


class Replicas:
    """All loops of the service, twice."""

    def __init__(self, desk: Desk, random: Random) -> None:
        self._desk, self._random = desk, random
        probe: Any = Caller()
        self._tools: Tools = msgspec.structs.replace(desk.tools, probe=probe)
        self._running: list[asyncio.Task[Any] | None] = [None, None]

    def start(self) -> None:
        """Both run."""
        for place, running in enumerate(self._running):
            if running is None:
                seed = Random(self._random.random())
                self._running[place] = asyncio.create_task(self._serve(seed))

    async def die(self) -> None:
        """One of them, at whatever it waits for."""
        place = self._random.randrange(2)
        await self._end(place)
        until = self._desk.tools.clock.now() + _HELD
        for table in ("grids", "hosts"):
            await self._desk.pool.execute(_LEFT.format(table=table), until)

    async def stop(self) -> None:
        """None runs."""
        for place in range(2):
            await self._end(place)

    async def _end(self, place: int) -> None:
        running, self._running[place] = self._running[place], None
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _serve(self, random: Random) -> None:
        async with asyncio.TaskGroup() as tasks:
            for loop in loops(self._desk.pool, self._tools, random):
                tasks.create_task(loop)
