"""From the service's queue to its handlers: each event has its effect exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from random import SystemRandom
from typing import Any

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractMessage
from aiormq.abc import DeliveredMessage

from s4_bus import envelope, metrics
from s4_bus.connection import (
    ANSWER_TIMEOUT,
    open_channel,
    stay_connected,
    until_closed,
    wire,
)
from s4_bus.declare import declare_service, expect_service, may_declare
from s4_bus.deliveries import Deliveries
from s4_bus.envelope import Arrival
from s4_bus.outage import CHANNEL_ERRORS, BusUnavailable
from s4_bus.retry import next_retry
from s4_bus.routes import Route, by_type
from s4_bus.topology import heard, main_queue, own_exchange, parked_queue, retry_queue
from s4_bus.waiting import Waiting
from s4_runtime import (
    Backoff,
    Permanent,
    Secret,
    SystemClock,
    Temporary,
    context,
    get_logger,
    last_success,
    outages,
    span,
)
from s4_store import DatabaseUnavailable, Pool, Transaction, inbox

_HANDLER_TIMEOUT = timedelta(seconds=30)
_PUBLISH_TIMEOUT = timedelta(seconds=30)
_WATCH = timedelta(seconds=15)
_DATABASE_BACKOFF = Backoff(base=timedelta(milliseconds=200), cap=timedelta(seconds=5))


async def consume(
    service: str,
    routes: Sequence[Route[Any]],
    pool: Pool,
    amqp_url: Secret | str,
    *,
    prefetch: int = 200,
    concurrency: int = 16,
) -> None:
    """Handle the service's events until cancelled; then finish what was begun, and acknowledge it.

    A delivery is acknowledged after its effect is committed. Temporary trouble, and what nobody foresaw, is tried again
    later, in a queue of its own; Permanent trouble, and messages that cannot be read, are parked. Outages of broker and
    database are waited out. Messages that are waiting together share a transaction; if it fails, each gets its own.
    """
    consumer = Consumer(service, routes, pool, prefetch, concurrency)
    await stay_connected(service, "consumer", amqp_url, consumer.work)


class Consumer:
    """Handles while it has a connection."""

    def __init__(self, service: str, routes: Sequence[Route[Any]], pool: Pool, prefetch: int, concurrency: int) -> None:
        self._service = service
        self._routes = by_type(routes)
        self._pool = pool
        self._prefetch = prefetch
        self._concurrency = concurrency
        self._waiting = Waiting()

    async def work(self, connection: AbstractConnection, working: Callable[[], None]) -> None:
        """Handle until the connection is lost."""
        channel = await open_channel(connection)
        if await may_declare(connection):
            await declare_service(channel, self._service, {*self._routes, *heard(self._service)})
        else:
            await expect_service(channel, self._service)
        async with asyncio.TaskGroup() as group:
            group.create_task(until_closed(channel))
            group.create_task(self._watch(await open_channel(connection)))
            group.create_task(self._attend(channel, working))

    async def _attend(self, channel: AbstractChannel, working: Callable[[], None]) -> None:
        await _reachable(self._pool)
        raw = await wire(channel)
        deliveries = Deliveries(channel, raw, main_queue(self._service).name)
        desk = Desk(self._service, self._routes, self._pool, channel, deliveries, waiting=self._waiting)
        crew = asyncio.create_task(self._work_off(deliveries, desk, working))
        try:
            await asyncio.shield(crew)
            raise BusUnavailable  # the broker has ended the deliveries: somebody deleted the queue
        except asyncio.CancelledError:
            # Without its channel nothing can be acknowledged, and a write to it may wait for ever: no drain then.
            desk.closing = True
            draining = asyncio.create_task(_drain(deliveries, crew))
            await asyncio.wait({draining, raw.closing}, return_when=asyncio.FIRST_COMPLETED)
            draining.cancel()
            raise
        finally:
            crew.cancel()
            await asyncio.gather(crew, return_exceptions=True)

    async def _work_off(self, deliveries: Deliveries, desk: Desk, working: Callable[[], None]) -> None:
        """First the suspects of an earlier crash, one by one, so that none takes others down with it; then all."""
        await deliveries.start(prefetch=1)
        working()
        while (message := await deliveries.suspect()) is not None:
            await desk.settle([message])
        await deliveries.stop()
        if not desk.closing:
            await deliveries.start(self._prefetch)
        async with asyncio.TaskGroup() as lanes:
            for _ in range(self._concurrency):
                lanes.create_task(self._lane(deliveries, desk))

    async def _lane(self, deliveries: Deliveries, desk: Desk) -> None:
        while batch := await deliveries.batch():
            try:
                await desk.settle(batch)
            finally:
                deliveries.batch_ended()

    async def _watch(self, channel: AbstractChannel) -> None:
        while True:
            for queue in (main_queue(self._service), parked_queue(self._service)):
                async with asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
                    found = await channel.declare_queue(queue.name, passive=True)
                count = found.declaration_result.message_count or 0
                metrics.QUEUED.labels(self._service, queue.name).set(count)
                if queue == main_queue(self._service):
                    age = self._waiting.oldest(count, SystemClock().now())
                    metrics.QUEUE_AGE.labels(self._service, queue.name).set(age)
            last_success("consumer")
            await asyncio.sleep(_WATCH.total_seconds())


class TooOld(Permanent):
    """So old that the inbox does not know any more whether it had its effect."""

    def __init__(self, kind: str) -> None:
        super().__init__("older-than-inbox")
        self.type = kind


def _remembered(arrival: Arrival) -> Arrival:
    emitted = envelope.emitted_at(arrival.message)
    if emitted is not None and emitted < SystemClock().now() - inbox.KEPT:
        raise TooOld(arrival.type)
    return arrival


class Desk:
    """Decides what becomes of each message."""

    def __init__(
        self,
        service: str,
        routes: dict[str, tuple[Route[Any], ...]],
        pool: Pool,
        channel: AbstractChannel,
        deliveries: Deliveries,
        *,
        waiting: Waiting,
    ) -> None:
        self._service = service
        self._routes = routes
        self._pool = pool
        self._channel = channel
        self._deliveries = deliveries
        self._waiting = waiting
        self._random = SystemRandom()
        self.closing = False

    async def settle(self, messages: Sequence[DeliveredMessage]) -> None:
        """Each message is handled, put off or parked, and acknowledged after that."""
        arrivals: list[Arrival] = []
        for message in messages:
            try:
                arrivals.append(_remembered(envelope.read(message, self._routes)))
            except TooOld as trouble:
                await self._park(message, trouble.type, trouble.code)
            except envelope.Unreadable as trouble:
                await self._park(message, "unknown", trouble.code)
        fresh = [arrival for arrival in arrivals if not envelope.is_suspect(arrival.message)]
        if len(fresh) > 1 and await self._together(fresh):
            fresh = []
        alone = [*fresh, *(arrival for arrival in arrivals if envelope.is_suspect(arrival.message))]
        for arrival in alone:
            await self._alone(arrival)

    async def _together(self, arrivals: Sequence[Arrival]) -> bool:
        """All of them in one transaction; False, and nothing done, when any of them fails."""
        try:
            handled = await self._effect(arrivals)
        except Exception:  # noqa: BLE001  each of them is tried alone next, and what it raises then counts
            return False
        await self._done(arrivals, handled)
        return True

    async def _alone(self, arrival: Arrival) -> None:
        attempt = 0
        while True:
            try:
                handled = await self._effect([arrival])
            except DatabaseUnavailable as trouble:
                # Not the message's fault: it keeps its place, and its attempts.
                outages.tell("consumer", trouble)
                if self.closing:
                    raise
                attempt += 1
                await asyncio.sleep(_DATABASE_BACKOFF.delay(attempt, self._random).total_seconds())
            except Permanent as trouble:
                return await self._park(arrival.message, arrival.type, trouble.code)
            except Temporary as trouble:
                return await self._put_off(arrival, trouble)
            except TimeoutError:
                return await self._put_off(arrival, Temporary("handler-timeout"))
            except Exception as error:  # noqa: BLE001  whatever it is, the others flow on
                return await self._put_off(arrival, _unforeseen(error))
            else:
                outages.tell("consumer", None)
                return await self._done([arrival], handled)

    async def _effect(self, arrivals: Sequence[Arrival]) -> set[str]:
        """Inbox, rows and outbox, in one transaction. The ids that had no effect before."""
        async with asyncio.timeout(_HANDLER_TIMEOUT.total_seconds()), self._pool.transaction() as tx:
            new = await inbox.admit(tx, [arrival.id for arrival in arrivals])
            waiting = set(new)
            for arrival in arrivals:
                if arrival.id in waiting:
                    waiting.remove(arrival.id)
                    await self._handle(arrival, tx)
        return new

    async def _handle(self, arrival: Arrival, tx: Transaction) -> None:
        seconds = metrics.HANDLER_SECONDS.labels(self._service, arrival.type)
        handling = span(f"handle {arrival.type}", "consumer", event=arrival.id)
        with context.bound(arrival.cause), handling, seconds.time():
            for route in arrival.routes:
                await route.handler(arrival.event, tx)

    async def _done(self, arrivals: Sequence[Arrival], handled: set[str]) -> None:
        await self._deliveries.acknowledge(arrival.message for arrival in arrivals)
        for arrival in arrivals:
            outcome = "handled" if arrival.id in handled else "duplicate"
            metrics.CONSUMED.labels(self._service, arrival.type, outcome).inc()
            self._note_age(arrival)
            with context.bound(arrival.cause):
                get_logger().info("event.consumed", type=arrival.type, event_id=arrival.id, outcome=outcome)

    def _note_age(self, arrival: Arrival) -> None:
        if emitted := envelope.emitted_at(arrival.message):
            self._waiting.passed(emitted)
            age = (SystemClock().now() - emitted).total_seconds()
            metrics.EVENT_AGE.labels(self._service, arrival.type).observe(max(0.0, age))

    async def _put_off(self, arrival: Arrival, trouble: Temporary) -> None:
        attempt = envelope.attempts_of(arrival.message) + 1
        retry = next_retry(attempt, trouble.retry_after, self._random)
        if retry is None:
            return await self._park(arrival.message, arrival.type, trouble.code)
        headers: dict[str, str | int] = {envelope.ATTEMPTS: attempt, envelope.CODE: trouble.code}
        later = envelope.again(arrival.message, headers, expiration=retry.delay)
        await self._forward(arrival.message, retry_queue(self._service, retry.tier).name, later)
        metrics.CONSUMED.labels(self._service, arrival.type, "retried").inc()
        metrics.RETRIED.labels(self._service, trouble.code).inc()
        self._tell(
            "event.put-off", arrival.message, code=trouble.code, attempt=attempt, seconds=retry.delay.total_seconds()
        )
        return None

    async def _park(self, message: DeliveredMessage, known_type: str, code: str) -> None:
        headers: dict[str, str | int] = {envelope.ATTEMPTS: envelope.attempts_of(message) + 1, envelope.CODE: code}
        await self._forward(message, parked_queue(self._service).name, envelope.again(message, headers))
        metrics.CONSUMED.labels(self._service, known_type, "parked").inc()
        metrics.PARKED.labels(self._service, code).inc()
        self._tell("event.parked", message, code=code)

    async def _forward(self, message: DeliveredMessage, queue: str, changed: AbstractMessage) -> None:
        """The message is in the other queue, and only then gone from ours."""
        async with asyncio.timeout(_PUBLISH_TIMEOUT.total_seconds()):
            own = await self._channel.get_exchange(own_exchange(self._service), ensure=False)
            await own.publish(changed, queue, mandatory=True)
        await self._deliveries.acknowledge([message])

    def _tell(self, name: str, message: DeliveredMessage, **fields: str | float) -> None:
        with context.bound(envelope.cause_of(message)):
            get_logger().warning(name, **envelope.described(message, self._routes), **fields)


async def _drain(deliveries: Deliveries, crew: asyncio.Task[None]) -> None:
    """No more messages come, and those that came are settled."""
    with suppress(*CHANNEL_ERRORS):
        await deliveries.stop()
    deliveries.close()
    await asyncio.wait({crew})


async def _reachable(pool: Pool) -> None:
    """Return once the database answers. Taking messages without it would only count against them."""
    attempt, random = 0, SystemRandom()
    while not await pool.is_reachable():
        attempt += 1
        await asyncio.sleep(_DATABASE_BACKOFF.delay(attempt, random).total_seconds())


def _unforeseen(error: Exception) -> Temporary:
    """An error without a code. Its text may hold anything, so only its class is told, and where it was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
    get_logger().error("event.unforeseen", error=type(error).__name__, where=where)
    return Temporary(f"unforeseen-{type(error).__name__}")
