"""The parked queue, for the person who looks at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from datetime import datetime, timedelta

import aio_pika
import msgspec
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from s4_bus.connection import connected, open_channel
from s4_bus.envelope import ATTEMPTS, CODE, kept_headers
from s4_bus.topology import main_queue, own_exchange, parked_queue
from s4_runtime import Secret

_TIMEOUT = timedelta(seconds=10)


class Parked(msgspec.Struct, frozen=True):
    """A message that was put aside, without its body."""

    id: str
    type: str
    code: str
    attempts: int
    at: datetime | None


async def parked(service: str, amqp_url: Secret | str, *, limit: int = 100) -> list[Parked]:
    """What is parked, oldest first. Nothing is changed: it returns to the queue when this connection ends."""
    async with connected(amqp_url) as connection:
        channel = await open_channel(connection)
        return [_described(message) async for message in _messages(channel, service, limit)]


async def put_back(service: str, amqp_url: Secret | str, ids: Collection[str]) -> int:
    """These of the parked messages are in the service's queue again, with all their attempts. How many."""
    moved = 0
    async with connected(amqp_url) as connection:
        channel = await open_channel(connection)
        own = await channel.get_exchange(own_exchange(service), ensure=False)
        async for message in _messages(channel, service, limit=10_000):
            if message.message_id in ids:
                fresh = aio_pika.Message(
                    message.body,
                    message_id=message.message_id,
                    type=message.type,
                    app_id=message.app_id,
                    content_type=message.content_type,
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                    headers={**kept_headers(message.headers), ATTEMPTS: 0},
                )
                await own.publish(fresh, main_queue(service).name, mandatory=True)
                await message.ack()
                moved += 1
    return moved


async def _messages(channel: AbstractChannel, service: str, limit: int) -> AsyncIterator[AbstractIncomingMessage]:
    queue = await channel.get_queue(parked_queue(service).name)
    for _ in range(limit):
        message = await queue.get(fail=False, timeout=_TIMEOUT.total_seconds())
        if message is None:
            return
        yield message


def _described(message: AbstractIncomingMessage) -> Parked:
    # The broker itself parks what was delivered too often, and says so in its own header only.
    code = message.headers.get(CODE, "delivered-too-often")
    attempts = message.headers.get(ATTEMPTS, 0)
    return Parked(
        message.message_id or "",
        message.type or "",
        str(code),
        attempts if isinstance(attempts, int) else 0,
        message.timestamp,
    )
