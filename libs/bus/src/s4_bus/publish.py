"""Many events in one write to the socket, each with its own confirmation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiormq
import msgspec
from aiormq.abc import ChannelFrame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader


class Outgoing(msgspec.Struct, frozen=True):
    """An event and where it goes. Its properties hold its id."""

    routing_key: str
    body: bytes
    properties: Basic.Properties


async def publish_all(raw: aiormq.Channel, exchange: str, events: Sequence[Outgoing]) -> list[bool]:
    """Whether the broker took each of them, in their order; those that no queue wants count as taken.

    The same as aiormq's basic_publish for each, which writes them one by one: that costs both sides a system call and
    a wake-up for every event. Ends only when all are confirmed, or the channel is lost.
    """
    if not events:
        return []
    async with raw.lock:
        size = raw.max_content_size
        frames = [frame for event in events for frame in _frames(exchange, event, size)]
        written = ChannelFrame.marshall(raw.number, frames)
        confirmations = [raw.create_future() for _ in events]
        for event, confirmation in zip(events, confirmations, strict=True):
            raw.delivery_tag += 1
            raw.confirmations[raw.delivery_tag] = confirmation
            # By this aiormq finds the event that the broker returns because no queue is bound to it.
            raw.message_id_delivery_tag[str(event.properties.message_id)] = raw.delivery_tag
        await raw.write_queue.put(written)
    try:
        answers = await asyncio.gather(*confirmations, return_exceptions=True)
    finally:
        for event in events:
            raw.message_id_delivery_tag.pop(str(event.properties.message_id), None)
    lost = [each for each in answers if isinstance(each, BaseException) and not _refused(each)]
    if lost:
        raise lost[0]
    return [not isinstance(each, BaseException) for each in answers]


def _refused(answer: BaseException) -> bool:
    return isinstance(answer, aiormq.exceptions.DeliveryError)


def _frames(exchange: str, event: Outgoing, size: int) -> list[Basic.Publish | ContentHeader | ContentBody]:
    return [
        Basic.Publish(exchange=exchange, routing_key=event.routing_key, mandatory=True),
        ContentHeader(properties=event.properties, body_size=len(event.body)),
        *(ContentBody(event.body[start : start + size]) for start in range(0, len(event.body), size)),
    ]
