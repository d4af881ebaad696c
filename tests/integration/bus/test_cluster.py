"""Three brokers: one is killed under load, then each is restarted; nothing is lost, and no effect is had twice."""

from collections.abc import AsyncIterator, Callable

import pytest

from s4_store import Pool
from support.broker_cluster import Cluster, cluster
from support.bus import QUEUE, Bus
from support.databases import KeptDatabases
from support.infra import TestRun, needs_program
from support.running import running
from support.steady import TIMED_EFFECTS, SteadyLoad

pytestmark = pytest.mark.long
LIMIT = 900.0  # seconds


@pytest.fixture
async def brokers(test_run: TestRun) -> AsyncIterator[Cluster]:
    folder = test_run.folder / "cluster"
    folder.mkdir()
    with needs_program():
        async with cluster(folder, "a", "b", "c") as found:
            await found.whole()
            yield found


@pytest.fixture
async def clustered(kept_databases: KeptDatabases, brokers: Cluster) -> AsyncIterator[Bus]:
    sender = await kept_databases.of("s4_store", "sender")
    receiver = await kept_databases.of("s4_store", "timed-receiver", and_tables=TIMED_EFFECTS)
    async with Pool.open(sender) as near, Pool.open(receiver) as far:
        yield Bus(near, far, "")


@pytest.mark.timeout(LIMIT)
async def test_a_killed_leader_and_a_restart_of_each_lose_nothing(
    clustered: Bus, brokers: Cluster, record_property: Callable[[str, object], None]
) -> None:
    load, web, notifier = SteadyLoad(clustered), brokers.url("web"), brokers.url("notifier")
    services = [
        clustered.relaying(amqp_url=web),
        clustered.relaying(amqp_url=web),
        clustered.consuming(amqp_url=notifier),
        clustered.consuming(amqp_url=notifier),
    ]
    async with running(*services, load.flow()):
        await load.goes_on(300)
        killed = await load.now()
        leader = await brokers.leader(QUEUE)
        brokers.kill(leader)
        await load.goes_on(500)
        of_a_kill = await load.longest_gap(killed)
        assert await brokers.leader(QUEUE) != leader
        brokers.launch(leader)
        await brokers.whole()
        restarted = await load.now()
        for name in brokers.nodes:
            await brokers.stop(name)
            await load.goes_on(100)
            brokers.launch(name)
            await brokers.whole()
        await load.goes_on(200)
        of_restarts = await load.longest_gap(restarted)
        await load.end()
        sent = await load.committed()
        await clustered.each_once(sent, within=60)
    record_property(
        "note",
        f"broker cluster: {len(sent)} events through a killed leader and a restart of each node: 0 lost, 0 doubled;"
        f" longest gap {of_a_kill.total_seconds():.1f} s after the kill,"
        f" {of_restarts.total_seconds():.1f} s in the restarts",
    )
