"""Processes die in the middle, and others go on."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from s4_bus.parked import Parked, parked
from s4_bus.topology import DELIVERY_LIMIT
from s4_store import outbox
from support.bus import Bus, a_message
from support.events import an_invite
from support.running import running
from support.waiting import until

WORKER = Path(__file__).parents[2] / "support" / "bus_worker.py"


@asynccontextmanager
async def worker(part: str, database: str, bus: Bus) -> AsyncIterator[Process]:
    """A process that is dead at the end, without having been told."""
    process = await asyncio.create_subprocess_exec(sys.executable, WORKER, part, database, bus.amqp_url, stdout=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]  # asyncio leaves the pipe open


async def said(process: Process, word: str) -> None:
    """The worker prints the word, among log lines."""
    assert process.stdout is not None
    async with asyncio.timeout(20):
        while (await process.stdout.readline()).strip() != word.encode():
            assert process.returncode is None


async def test_a_consumer_killed_in_a_handler_leaves_nothing_behind_and_another_takes_over(bus: Bus) -> None:
    others = [an_invite() for _ in range(10)]
    async with worker("consumer", bus.receiver_url, bus) as doomed:
        await until(lambda: exists(bus), within=20, what="the queue exists")
        await bus.publish(a_message(an_invite("slow")), *map(a_message, others))
        await said(doomed, "inside")
    assert "slow" not in await bus.effects()
    async with running(bus.consuming()):
        await bus.each_once(["slow", *(event.request_id for event in others)])


async def test_a_relay_killed_in_the_middle_loses_nothing(bus: Bus) -> None:
    ids = await bus.emit(4000)
    async with running(bus.consuming()):
        async with worker("relay", bus.sender_url, bus):
            await until(lambda: some(bus), within=20, what="some effects")
        assert (await outbox.backlog(bus.sender)).pending > 0
        async with running(bus.relaying()):
            await bus.each_once(ids, within=60)


async def test_a_message_that_kills_its_process_is_parked_and_spoils_no_other(bus: Bus) -> None:
    others = [an_invite() for _ in range(30)]
    async with running(bus.consuming()):
        await bus.listening()
    await bus.publish(*map(a_message, others[:15]), a_message(an_invite("poison")), *map(a_message, others[15:]))
    crashes = 0
    while not await parked("notifier", bus.amqp_url):
        async with worker("consumer", bus.receiver_url, bus) as process:
            await until(partial(ended, bus, process), within=20, what="a crash, or peace")
        crashes += process.returncode == 3
        assert crashes <= DELIVERY_LIMIT + 1
    assert [(each.code, each.type) for each in await parked("notifier", bus.amqp_url)] == [
        ("delivered-too-often", "web.invite-requested.v1")
    ]
    async with running(bus.consuming()):
        await bus.each_once([event.request_id for event in others])
    assert crashes == DELIVERY_LIMIT + 1


async def exists(bus: Bus) -> bool:
    return await bus.exists("s4.notifier")


async def some(bus: Bus) -> bool:
    return len(await bus.effects()) > 0


async def ended(bus: Bus, process: Process) -> bool | list[Parked]:
    return process.returncode is not None or await parked("notifier", bus.amqp_url)
