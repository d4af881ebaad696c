"""What an operator sees of the queues, and does to parked messages. Uses an operator's own rights at the broker."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aio_pika
import msgspec
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage
from aiormq.exceptions import ChannelAccessRefused, ChannelNotFoundEntity, ProbableAuthenticationError

from s4_bus.connection import ANSWER_TIMEOUT, connected, open_channel
from s4_bus.envelope import ATTEMPTS, CODE, kept_headers
from s4_bus.outage import CHANNEL_ERRORS, BusUnavailable
from s4_bus.topology import RETRY_DELAYS, main_queue, own_exchange, parked_queue, retry_queue
from s4_runtime import Permanent, Secret, context, derived_id, is_id

MOST = 10_000  # messages that one look goes through
_TIMEOUT = timedelta(seconds=10)
_TYPE = re.compile(r"[a-z]+\.[a-z-]+\.v\d{1,3}")
_CODE = re.compile(r"[A-Za-z0-9._-]{1,80}")
_STORY = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


class Depths(msgspec.Struct, frozen=True):
    """How many messages a service's queues hold, and how many read them. None: there is no such queue."""

    service: str
    waiting: int | None
    consumers: int | None
    retrying: int | None
    parked: int | None


class Aside(msgspec.Struct, frozen=True):
    """A parked message. ``id`` and ``type`` are fit to be shown; the message's own may be anything."""

    id: str
    type: str
    code: str
    attempts: int
    parked_at: datetime | None
    story: str
    body: bytes
    headers: Mapping[str, str | int]
    own_id: str = ""
    own_type: str = ""
    app_id: str = ""


class Held(msgspec.Struct, frozen=True):
    """A parked message that the broker has handed over; it goes back unless it is settled."""

    aside: Aside
    message: AbstractIncomingMessage


class ParkedQueues:
    """The parked queues, for as long as the connection lasts."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection

    async def depths(self, service: str) -> Depths:
        """How full the service's queues are; nothing is taken out of them."""
        main = await self._counted(main_queue(service).name)
        tiers = [await self._counted(retry_queue(service, tier).name) for tier in RETRY_DELAYS]
        parked = await self._counted(parked_queue(service).name)
        retrying = [tier[0] for tier in tiers if tier]
        return Depths(
            service,
            waiting=main[0] if main else None,
            consumers=main[1] if main else None,
            retrying=sum(retrying) if retrying else None,
            parked=parked[0] if parked else None,
        )

    async def each(self, service: str, limit: int = MOST) -> AsyncIterator[Held]:
        """What is parked now, oldest first; what is parked meanwhile is left out. Raises Permanent: no such queue."""
        name = parked_queue(service).name
        counted = await self._counted(name)
        if counted is None:
            raise Permanent("no-such-queue", queue=name)
        channel = await open_channel(self._connection)
        queue = await channel.get_queue(name, ensure=False)
        for _ in range(min(limit, counted[0])):
            message = await queue.get(fail=False, timeout=_TIMEOUT.total_seconds())
            if message is None:
                return
            yield Held(_aside(message), message)

    async def replay(self, service: str, held: Held) -> None:
        """The message is in the service's queue again, with all its attempts, and only then no longer parked."""
        await self._publish(service, main_queue(service).name, held.aside, {ATTEMPTS: 0})
        await held.message.ack()

    async def park(self, service: str, aside: Aside) -> None:
        """The message is parked as it was."""
        marks: dict[str, str | int] = {ATTEMPTS: aside.attempts, CODE: aside.code}
        await self._publish(service, parked_queue(service).name, aside, marks)

    async def _publish(self, service: str, queue: str, aside: Aside, marks: Mapping[str, str | int]) -> None:
        channel = await open_channel(self._connection)
        message = aio_pika.Message(
            aside.body,
            message_id=aside.own_id or None,
            type=aside.own_type or None,
            app_id=aside.app_id or None,
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            timestamp=aside.parked_at,
            headers={**aside.headers, **marks},
        )
        async with asyncio.timeout(_TIMEOUT.total_seconds()):
            own = await channel.get_exchange(own_exchange(service), ensure=False)
            await own.publish(message, queue, mandatory=True)
        await channel.close()

    async def _counted(self, queue: str) -> tuple[int, int] | None:
        """Messages and consumers. A channel of its own: asking for a queue that is not there ends the channel."""
        channel = await open_channel(self._connection)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
                found = (await channel.declare_queue(queue, passive=True)).declaration_result
        except ChannelNotFoundEntity:
            return None
        await channel.close()
        return found.message_count or 0, found.consumer_count or 0


@asynccontextmanager
async def parked_queues(amqp_url: Secret | str) -> AsyncIterator[ParkedQueues]:
    """The parked queues. Raises BusUnavailable, and Permanent when the broker does not let us."""
    try:
        async with connected(amqp_url) as connection:
            yield ParkedQueues(connection)
    except (ChannelAccessRefused, ProbableAuthenticationError):
        raise Permanent("broker-refuses-operator") from None
    except (*CHANNEL_ERRORS, TimeoutError):
        raise BusUnavailable from None


def _aside(message: AbstractIncomingMessage) -> Aside:
    headers: dict[str, Any] = dict(message.headers)
    story, attempts = headers.get(context.CORRELATION_HEADER), headers.get(ATTEMPTS, 0)
    at = message.timestamp
    return Aside(
        _id(message),
        message.type if _TYPE.fullmatch(message.type or "") and message.type else "unknown",
        # The broker itself parks what was delivered too often, and says so in its own header only.
        _fitting(_CODE, headers.get(CODE, "delivered-too-often")) or "unknown",
        attempts if isinstance(attempts, int) else 0,
        at.astimezone(UTC) if at else None,
        _fitting(_STORY, story),
        message.body,
        {name: value for name, value in kept_headers(headers).items() if isinstance(value, str | int)},
        message.message_id or "",
        message.type or "",
        message.app_id or "",
    )


def _id(message: AbstractIncomingMessage) -> str:
    if message.message_id and is_id(message.message_id):
        return message.message_id
    return derived_id("parked-message", message.message_id or "", hashlib.sha256(message.body).hexdigest())


def _fitting(form: re.Pattern[str], value: object) -> str:
    return value if isinstance(value, str) and form.fullmatch(value) else ""
