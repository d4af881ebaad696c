"""From the outbox to the exchange."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from types import MappingProxyType

import aiormq
from aio_pika.abc import AbstractConnection
from aiormq.abc import DeliveredMessage

from s4_bus import envelope, metrics
from s4_bus.alarm import Alarm
from s4_bus.connection import open_channel, stay_connected, until_closed, wire
from s4_bus.declare import declare_listeners, expect_listeners, may_declare
from s4_bus.publish import Outgoing, publish_all
from s4_bus.topology import EXCHANGE
from s4_contracts import routing_key
from s4_contracts.billing import SignupPaid
from s4_contracts.provisioner import FurlIssued, InstanceReady
from s4_contracts.web import FurlClaimed
from s4_runtime import Secret, Temporary, came_to, context, get_logger, last_success, spans
from s4_runtime.metrics import Step
from s4_store import Pool, Record, Wakeup, inbox, outbox

# Sees to it that whoever listens to the event of this name has a queue for it.
Announcing = Callable[[str], Awaitable[None]]

_BATCH = 200  # events in one transaction; two of these are under way at once
_CONFIRM_TIMEOUT = timedelta(seconds=30)
_POLL = timedelta(seconds=5)  # a notification may be lost with its connection
_WATCH = timedelta(seconds=10)
_PRUNE = timedelta(minutes=10)
_KEEP = timedelta(days=7)  # sent events, to publish them again should a broker lose its disk
# Facts that are steps of a customer's way: counted when they are told, because then they hold.
_STEPS: Mapping[str, Step] = MappingProxyType(
    {
        routing_key(SignupPaid): "paid",
        routing_key(InstanceReady): "proved",
        routing_key(FurlIssued): "furl-issued",
        routing_key(FurlClaimed): "claimed",
    }
)


async def relay(service: str, pool: Pool, amqp_url: Secret | str) -> None:
    """Publish the service's outbox until cancelled. Outages of broker and database are waited out.

    Killed between confirmation and commit, it publishes an event twice; it never loses one. Any number of replicas.
    """
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(stay_connected(service, "relay", amqp_url, Relay(service, pool).work))
            group.create_task(_repeat(_WATCH, pool, _watch(service)))
            group.create_task(_repeat(_PRUNE, pool, _prune(service)))
    except ExceptionGroup as errors:  # the first to fail has ended the others; who called is told of that one
        raise errors.exceptions[0] from None


class Relay:
    """Publishes while it has a connection."""

    def __init__(self, service: str, pool: Pool) -> None:
        self._service = service
        self._pool = pool

    async def work(self, connection: AbstractConnection, working: Callable[[], None]) -> None:
        """Publish until the connection is lost."""
        channel = await open_channel(connection, on_return_raises=False)
        announce = declare_listeners if await may_declare(connection) else expect_listeners
        # A declaration that the broker refuses closes its channel: not the one that publishes.
        announcing = partial(announce, await open_channel(connection))
        raw = await wire(channel)
        raw.on_return_callbacks.add(self._count_unroutable)
        working()
        alarm = Alarm("relay", raw)
        publisher = _Publisher(self._service, self._pool, announcing, raw, alarm)
        busy = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(until_closed(channel))
            group.create_task(alarm.watch())
            group.create_task(self._lead(publisher, busy))
            group.create_task(self._help(publisher, busy))

    async def _lead(self, publisher: _Publisher, busy: asyncio.Event) -> None:
        async with Wakeup.listen(self._pool.url, outbox.CHANNEL) as wakeup:
            while True:
                if await publisher.batch() == _BATCH:
                    busy.set()
                    continue
                last_success("relay")
                await wakeup.wait(_POLL)

    async def _help(self, publisher: _Publisher, busy: asyncio.Event) -> None:
        """While batches are full, publish one while the other commits."""
        while await busy.wait():
            if await publisher.batch() < _BATCH:
                busy.clear()

    def _count_unroutable(self, message: DeliveredMessage) -> None:
        metrics.UNROUTABLE.labels(self._service, message.header.properties.message_type).inc()


class _Publisher:
    def __init__(self, service: str, pool: Pool, announcing: Announcing, raw: aiormq.Channel, alarm: Alarm) -> None:
        self._service = service
        self._pool = pool
        self._announcing = announcing
        self._raw = raw
        self._alarm = alarm
        self._announced: set[str] = set()

    async def batch(self) -> int:
        """Publish the oldest events; how many there were. The rows stay locked until the broker has confirmed."""
        async with self._pool.transaction() as tx:
            rows = await outbox.take(tx, _BATCH)
            async with self._alarm.limit(_CONFIRM_TIMEOUT):
                await self._announce(rows)
                taken = await publish_all(self._raw, EXCHANGE, [self._outgoing(row) for row in rows])
            refused = [row["seq"] for row, fine in zip(rows, taken, strict=True) if not fine]
            if refused:
                await outbox.put_back(tx, refused)
        for kind, count in Counter(row["type"] for row, fine in zip(rows, taken, strict=True) if fine).items():
            metrics.PUBLISHED.labels(self._service, kind).inc(count)
            if step := _STEPS.get(kind):
                came_to(step, count)
        if refused:
            metrics.REFUSED.labels(self._service).inc(len(refused))
            raise Temporary("bus-refused-publication")
        if spans.are_sent():
            _tell_spans(rows)
        return len(rows)

    async def _announce(self, rows: Sequence[Record]) -> None:
        for name in {row["type"] for row in rows} - self._announced:
            await self._announcing(name)
            self._announced.add(name)

    def _outgoing(self, row: Record) -> Outgoing:
        properties = envelope.outgoing(self._service, row["id"], row["type"], row["headers"], row["created_at"])
        return Outgoing(row["type"], row["body"].encode(), properties)


def _tell_spans(rows: Sequence[Record]) -> None:
    """Each event's time from its emission to the broker's word is a span of its story."""
    for row in rows:
        with context.bound(context.from_headers(json.loads(row["headers"]))):
            spans.past_span(f"publish {row['type']}", "producer", row["created_at"], event=row["id"])


async def _repeat(pause: timedelta, pool: Pool, work: Callable[[Pool], Awaitable[None]]) -> None:
    """Do it now and then, with or without a broker; an outage of the database passes."""
    while True:
        try:
            await work(pool)
        except Temporary as trouble:
            get_logger().warning("outbox.not-watched", code=trouble.code)
        await asyncio.sleep(pause.total_seconds())


def _watch(service: str) -> Callable[[Pool], Awaitable[None]]:
    async def watch(pool: Pool) -> None:
        backlog = await outbox.backlog(pool)
        metrics.OUTBOX_PENDING.labels(service).set(backlog.pending)
        metrics.OUTBOX_AGE.labels(service).set(backlog.age_seconds)
        last_success("outbox-watch")

    return watch


def _prune(service: str) -> Callable[[Pool], Awaitable[None]]:
    async def prune(pool: Pool) -> None:
        for table, gone in (("outbox", await outbox.prune(pool, _KEEP)), ("inbox", await inbox.prune(pool))):
            metrics.PRUNED.labels(service, table).inc(gone)
        last_success("outbox-prune")

    return prune
