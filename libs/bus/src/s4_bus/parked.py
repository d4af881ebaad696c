"""The parked queue, for the person who looks at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from datetime import datetime

import aiormq
import msgspec
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic

from s4_bus.connection import connected, open_channel
from s4_bus.envelope import ATTEMPTS, CODE, again, attempts_of
from s4_bus.topology import main_queue, parked_queue
from s4_runtime import Secret


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
        async for message in _messages(channel, service, limit=10_000):
            if message.header.properties.message_id in ids:
                await channel.basic_publish(
                    message.body,
                    routing_key=main_queue(service).name,
                    properties=again(message, {ATTEMPTS: 0}),
                    mandatory=True,
                )
                await channel.basic_ack(message.delivery_tag or 0)
                moved += 1
    return moved


async def _messages(channel: aiormq.Channel, service: str, limit: int) -> AsyncIterator[DeliveredMessage]:
    for _ in range(limit):
        async with asyncio.timeout(10):
            message = await channel.basic_get(parked_queue(service).name)
        if not isinstance(message.delivery, Basic.GetOk):
            return
        yield message


def _described(message: DeliveredMessage) -> Parked:
    properties = message.header.properties
    headers = properties.headers or {}
    # The broker itself parks what was delivered too often, and says so in its own header only.
    code = headers.get(CODE) if CODE in headers else "delivered-too-often"
    return Parked(
        properties.message_id or "",
        properties.message_type or "",
        str(code),
        attempts_of(message),
        properties.timestamp,
    )
