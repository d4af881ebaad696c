"""A broker whose memory or disk is short takes nothing: it is said, nothing is lost, and with room all goes on."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from s4_bus.connection import connected
from s4_bus.declare import declare_service
from s4_bus.topology import heard
from s4_shop.rabbitmq import Ports, RabbitNode
from s4_store import outbox
from support.bus import Bus
from support.infra import TestRun, needs_program
from support.running import running
from support.waiting import until

pytestmark = pytest.mark.long


@pytest.fixture
async def short(test_run: TestRun) -> AsyncIterator[RabbitNode]:
    """A broker of this test's own."""
    folder = test_run.folder / "short"
    node = RabbitNode(folder=folder, ports=Ports.free(), user="s4", password="s4-tests-only")
    with needs_program():
        await asyncio.to_thread(node.start)
    yield node
    await asyncio.to_thread(node.stop, at_once=True)


async def control(node: RabbitNode, *words: str) -> None:
    program = Path("/usr/lib/rabbitmq/bin/rabbitmqctl")
    environment = {**os.environ, **node.server().env}
    asked = await asyncio.create_subprocess_exec(
        program, *words, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asked.communicate()
    assert asked.returncode == 0, said.decode()


def is_blocked() -> bool:
    return REGISTRY.get_sample_value("s4_outage", {"part": "relay", "code": "bus-blocked"}) == 1


# What brings an alarm about, and what ends it.
ALARMS = (
    (("set_disk_free_limit", "900000000000000"), ("set_disk_free_limit", "1000000")),
    (("set_vm_memory_high_watermark", "0"), ("set_vm_memory_high_watermark", "0.6")),
)


@pytest.mark.timeout(240)
async def test_while_the_broker_has_no_room_events_wait_in_the_outbox_and_then_each_has_its_effect_once(
    bus: Bus, short: RabbitNode
) -> None:
    bus = Bus(bus.sender, bus.receiver, short.amqp_url())
    async with connected(bus.amqp_url) as connection:
        await declare_service(await connection.channel(), "notifier", heard("notifier"))
    with capture_logs() as lines:
        async with running(bus.relaying(), bus.consuming()):
            ids = await bus.emit(5)
            await bus.each_once(ids)
            for full, room in ALARMS:
                await control(short, *full)
                ids += await bus.emit(20)
                await until(is_blocked, within=30, what="it is said that the broker takes nothing")
                ids += await bus.emit(20)
                assert (await outbox.backlog(bus.sender)).pending == 40
                await control(short, *room)
                await bus.each_once(ids, within=30)
                await until(lambda: not is_blocked(), within=10, what="it is said that it takes events again")
    said = [(line["event"], line.get("code")) for line in lines if line["event"].startswith("relay.")]
    assert said == [("relay.out", "bus-blocked"), ("relay.back", None)] * len(ALARMS)
    assert not [line for line in lines if line["event"] == "bus.disconnected"]
