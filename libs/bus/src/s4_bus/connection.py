"""Being connected to the broker, for ever."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from random import SystemRandom
from typing import Any, cast

import aio_pika
import aiormq
from aio_pika.abc import AbstractChannel, AbstractConnection

from s4_bus.hosts import Host, ended, hosts
from s4_bus.metrics import CONNECTED
from s4_bus.outage import CHANNEL_ERRORS, BusUnavailable, outage
from s4_runtime import Backoff, Secret, get_logger, outages

# Is given a connection, and calls the function once it does its work on it.
Work = Callable[[AbstractConnection, Callable[[], None]], Awaitable[None]]

_BACKOFF = Backoff(base=timedelta(milliseconds=250), cap=timedelta(seconds=5))
_STEADY = timedelta(seconds=15)  # a connection that held so long makes earlier failures forgotten
_CONNECT_TIMEOUT = timedelta(seconds=10)  # for each host
_CLOSE_TIMEOUT = timedelta(seconds=5)
# A broker that has just started takes a declaration or a subscription to a quorum queue without ever answering it (seen
# with RabbitMQ 3.10, before the queue has a leader). Asked again on a new connection, it answers.
ANSWER_TIMEOUT = timedelta(seconds=5)


@asynccontextmanager
async def connected(url: Secret | str) -> AsyncIterator[AbstractConnection]:
    """One connection to any of the hosts, closed at the end of the block."""
    # aiormq reports every failed attempt, with text of its own. We report each change, once.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)
    async with asyncio.timeout(_CONNECT_TIMEOUT.total_seconds()):
        places = await hosts(url)
    connection = await _to_any(places)
    try:
        yield connection
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT.total_seconds()):
                await connection.close()


async def _to_any(places: list[Host]) -> AbstractConnection:
    failure: Exception = BusUnavailable()
    for host in places:
        named: dict[str, Any] = {} if host.name is None else {"server_hostname": host.name}
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT.total_seconds()):
                connection: AbstractConnection = await aio_pika.connect(host.url, **named)
                return connection
        except CHANNEL_ERRORS as error:
            failure = error
    raise failure


async def open_channel(connection: AbstractConnection, *, on_return_raises: bool = True) -> AbstractChannel:
    """A channel with publisher confirms. Raises BusUnavailable when the connection is closed."""
    if connection.is_closed:
        raise BusUnavailable
    return await connection.channel(publisher_confirms=True, on_return_raises=on_return_raises)


async def wire(channel: AbstractChannel) -> aiormq.Channel:
    """What aio-pika's channel is made of, for the few calls that are made for every event.

    aio-pika builds several objects around each message, and sends each acknowledgement alone.
    """
    return cast("aiormq.Channel", await channel.get_underlay_channel())


async def until_closed(channel: AbstractChannel) -> None:
    """Raise BusUnavailable when the channel, or its connection, is closed by anybody."""
    await asyncio.wait({(await wire(channel)).closing})
    raise BusUnavailable


async def stay_connected(service: str, part: str, url: Secret | str, work: Work) -> None:
    """Give ``work`` a connection; whenever it ends by an outage, give it another, with growing pauses.

    Ends by cancellation, or by the first error that is no outage.
    """
    gauge, log, random = CONNECTED.labels(service, part), get_logger(), SystemRandom()
    loop = asyncio.get_running_loop()
    state, failures, since = "", 0, math.inf

    def working() -> None:
        nonlocal state, since
        gauge.set(1)
        outages.back(part)
        if state != "connected":
            log.info("bus.connected", part=part)
        state, since = "connected", loop.time()

    async def session() -> None:
        async with connected(url) as connection:
            await work(connection, working)

    try:
        while True:
            trouble = outage(await _end_of(session()))
            gauge.set(0)
            failures = 1 if loop.time() - since > _STEADY.total_seconds() else failures + 1
            since = math.inf
            if state != trouble.code:
                ids = {**trouble.ids, **await ended(trouble.code, url)}
                log.warning("bus.disconnected", part=part, code=trouble.code, **ids)
            state = trouble.code
            outages.out(part, trouble)
            await asyncio.sleep(_BACKOFF.delay(failures, random).total_seconds())
    finally:
        gauge.set(0)
        outages.back(part)


async def _end_of(session: Coroutine[Any, Any, None]) -> BaseException | None:
    """How the session ended. In a task of its own, because aiormq cancels those who wait for what is lost."""
    task = asyncio.create_task(session)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task})
        raise
    finally:
        ended = None if task.cancelled() or not task.done() else task.exception()
    return ended
