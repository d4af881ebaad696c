"""What is not there yet is waited for, and a service that is told to stop stops."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

from service.starting.conftest import Secretly
from service.starting.program import ANY_SERVICE, Program
from support.cutproxy import CutProxy
from support.waiting import until

SOON = 10.0  # seconds that stopping may take


class LateDoor(CutProxy):
    """A server's port of its own, at which nobody answers until it is opened."""

    def __init__(self, target: str, port: int) -> None:
        super().__init__(target)
        self._port = port

    @property
    def url(self) -> str:
        host = f"{self._target.username}:{self._target.password}@127.0.0.1:{self._port}"
        return urlunsplit(self._target._replace(netloc=host))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        try:
            yield
        finally:
            await self.stop()


@ANY_SERVICE
async def test_a_broker_that_comes_late_is_waited_for_and_a_stop_is_a_clean_end(
    migrated: Program, amqp_url: str, secretly: Secretly, free_port: Callable[[], int]
) -> None:
    broker = LateDoor(amqp_url, free_port())
    program = migrated.told("S4_AMQP_URL", S4_AMQP_URL_FILE=secretly("amqp-url", broker.url))
    async with program.serving() as running:
        flags = await running.comes_to(503)
        assert flags["database"] is True
        assert flags["consumer"] is False
        await until(lambda: "bus.disconnected" in running.said(), within=10, what="a word about the broker")
        async with broker.opened():
            flags = await running.comes_to(200)
            assert flags["consumer"] is True
            ending = await running.told_to_stop()
    assert ending.code == 0, ending.text
    assert ending.seconds < SOON
    assert "service.stopped" in ending.text
    assert str(urlsplit(amqp_url).password) not in ending.text


@ANY_SERVICE
async def test_a_database_that_comes_late_is_waited_for(
    migrated: Program, database: str, amqp_url: str, secretly: Secretly, free_port: Callable[[], int]
) -> None:
    late = LateDoor(database, free_port())
    files = {
        "S4_DATABASE_URL_FILE": secretly("late-database-url", late.url),
        "S4_AMQP_URL_FILE": secretly("amqp-url", amqp_url),
    }
    program = migrated.told("S4_DATABASE_URL", "S4_AMQP_URL", **files)
    async with program.serving() as running:
        await until(lambda: "database.out" in running.said(), within=20, what="a word about the database")
        assert await running.readiness() in (None, (503, {"database": False}))
        async with late.opened():
            await running.comes_to(200)
            ending = await running.told_to_stop()
    assert ending.code == 0, ending.text
    assert str(urlsplit(database).password) not in ending.text


@ANY_SERVICE
async def test_a_service_that_waits_for_everything_can_be_stopped(migrated: Program, secretly: Secretly) -> None:
    async with migrated.serving() as running:
        await running.comes_to(503)
        ending = await running.told_to_stop()
    assert ending.code == 0, ending.text
    assert ending.seconds < SOON
