"""PostgreSQL is stopped at once under a load of events, again and again: 0 lost, 0 doubled."""

import asyncio
from collections.abc import AsyncIterator, Callable
from signal import SIGQUIT

import asyncpg
import pytest

from s4_shop import processes
from s4_shop.ports import free_port
from s4_shop.postgres import PostgresCluster
from s4_store import Pool, migrate
from support.bus import Bus
from support.infra import TestRun, needs_program
from support.running import running
from support.steady import TIMED_EFFECTS, SteadyLoad

pytestmark = pytest.mark.long


@pytest.fixture
async def postgres_alone(test_run: TestRun) -> AsyncIterator[PostgresCluster]:
    """A server of this test's own, as durable as in production."""
    with needs_program():
        server = PostgresCluster(
            folder=test_run.folder / "restarted",
            port=free_port(),
            user="s4",
            password="s4-tests-only",
        )
        await asyncio.to_thread(server.start)
    yield server
    await asyncio.to_thread(server.stop)
    server.remove()


@pytest.fixture
async def fragile(postgres_alone: PostgresCluster, amqp_url: str) -> AsyncIterator[Bus]:
    for name in ("sender", "receiver"):
        postgres_alone.run(f"create database {name}")
        await migrate(postgres_alone.url(name), "s4_store")
    connection = await asyncpg.connect(postgres_alone.url("receiver"))
    await connection.execute(TIMED_EFFECTS)
    await connection.close()
    urls = postgres_alone.url("sender"), postgres_alone.url("receiver")
    async with Pool.open(urls[0]) as near, Pool.open(urls[1]) as far:
        yield Bus(near, far, amqp_url)


@pytest.mark.timeout(300)
async def test_a_database_that_is_stopped_at_once_under_load_loses_and_doubles_nothing(
    fragile: Bus, postgres_alone: PostgresCluster, record_property: Callable[[str, object], None]
) -> None:
    load = SteadyLoad(fragile, at_once=30)
    services = [fragile.relaying(), fragile.relaying(), fragile.consuming(), fragile.consuming()]
    gaps, away = [], []
    async with running(*services, load.flow()):
        await load.goes_on(300)
        for _ in range(3):
            stopped = await load.now()
            await asyncio.to_thread(processes.stop, postgres_alone.folder / "server.pid", SIGQUIT)
            await asyncio.to_thread(postgres_alone.start)
            away.append(await load.now() - stopped)
            await load.goes_on(300)
            gaps.append(await load.longest_gap(stopped))
        await load.end()
        sent = await load.committed()
        await fragile.each_once(sent, within=60)
    longest, without = max(gaps).total_seconds(), max(away).total_seconds()
    record_property(
        "note",
        f"PostgreSQL stopped at once {len(gaps)} times under load: {len(sent)} events, 0 lost, 0 doubled;"
        f" longest gap {longest:.1f} s, of a server that was away for up to {without:.1f} s",
    )
