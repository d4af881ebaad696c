"""The topology is there: made by whoever may, and otherwise looked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractQueue
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed
from aiormq.exceptions import ChannelAccessRefused

from s4_bus.connection import ANSWER_TIMEOUT, open_channel
from s4_bus.topology import EXCHANGE, LISTENERS, Queue, edition, heard, main_queue, own_exchange, queues
from s4_runtime import Permanent, Temporary


class NotDefined(Temporary):
    """An exchange or queue is missing, and this user may not make it: the definitions are yet to be applied."""

    def __init__(self, missing: str) -> None:
        super().__init__("bus-not-defined", missing=missing)


async def may_declare(connection: AbstractConnection) -> bool:
    """Whether this user makes what it needs. Who may not finds all of it made from the definitions, by an operator."""
    channel = await open_channel(connection)  # a refusal closes it
    try:
        await declare_exchange(channel)
    except ChannelAccessRefused:
        return False
    await channel.close()
    return True


async def declare_service(channel: AbstractChannel, service: str, types: Iterable[str]) -> None:
    """All queues of the service exist, and its queue is bound to these events."""
    own = await channel.declare_exchange(own_exchange(service), ExchangeType.DIRECT, durable=True)
    for queue in queues(service):
        await (await _declare(channel, queue)).bind(own, queue.name)
    await _bind(channel, service, types)


async def declare_listeners(channel: AbstractChannel, name: str) -> None:
    """Everybody who is to hear of the event has a queue bound to it."""
    for service in _listeners(name):
        await _bind(channel, service, [name])


async def declare_exchange(channel: AbstractChannel) -> None:
    """The one exchange of all events exists."""
    await channel.declare_exchange(EXCHANGE, ExchangeType.TOPIC, durable=True)


async def expect_service(channel: AbstractChannel, service: str) -> None:
    """All queues of the service exist, bound to what it listens to. Raises NotDefined."""
    await _expect(channel, [queue.name for queue in queues(service)])


async def expect_listeners(channel: AbstractChannel, name: str) -> None:
    """Everybody who is to hear of the event has a queue bound to it. Raises NotDefined."""
    await _expect(channel, [main_queue(service).name for service in _listeners(name)])


def _listeners(name: str) -> list[str]:
    return [service for service in LISTENERS if name in heard(service)]


async def _expect(channel: AbstractChannel, names: Iterable[str]) -> None:
    missing = edition()
    try:
        await channel.declare_exchange(missing, passive=True)
        for missing in names:
            async with asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
                await channel.declare_queue(missing, passive=True)
    except ChannelNotFoundEntity:
        raise NotDefined(missing) from None


async def _bind(channel: AbstractChannel, service: str, types: Iterable[str]) -> None:
    await declare_exchange(channel)
    queue = await _declare(channel, main_queue(service))
    for name in types:
        await queue.bind(EXCHANGE, name)


async def _declare(channel: AbstractChannel, queue: Queue) -> AbstractQueue:
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
            return await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))
    except ChannelPreconditionFailed:
        raise Permanent("queue-declared-differently", queue=queue.name) from None
