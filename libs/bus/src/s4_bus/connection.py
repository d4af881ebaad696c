"""Being connected to the broker, for ever."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from random import SystemRandom
from typing import cast

import aiormq
from aiormq.abc import AbstractChannel, AbstractConnection

from s4_bus.metrics import CONNECTED
from s4_runtime import Backoff, Secret, Temporary, get_logger

# aiormq raises the second when the channel is used after its end.
CHANNEL_ERRORS = (aiormq.AMQPError, aiormq.exceptions.ChannelInvalidStateError, OSError)

Work = Callable[[AbstractConnection], Awaitable[None]]

_BACKOFF = Backoff(base=timedelta(milliseconds=250), cap=timedelta(seconds=15))
_STEADY = timedelta(seconds=15)  # a connection that held so long makes earlier failures forgotten
_CONNECT_TIMEOUT = timedelta(seconds=10)


class BusUnavailable(Temporary):
    """The broker cannot be reached, or went away in the middle."""

    def __init__(self) -> None:
        super().__init__("bus-unavailable")


@asynccontextmanager
async def connected(url: Secret | str) -> AsyncIterator[AbstractConnection]:
    """One connection, closed at the end of the block."""
    # aiormq reports every failed attempt, with text of its own. We report each change, once.
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)
    async with asyncio.timeout(_CONNECT_TIMEOUT.total_seconds()):
        connection = await aiormq.connect(url.reveal() if isinstance(url, Secret) else url)
    try:
        yield connection
    finally:
        await connection.close()


async def open_channel(connection: AbstractConnection, *, on_return_raises: bool = True) -> aiormq.Channel:
    """A channel with publisher confirms. Raises BusUnavailable when the connection is closed."""
    if connection.is_closed:
        raise BusUnavailable
    return cast("aiormq.Channel", await connection.channel(on_return_raises=on_return_raises))


async def until_closed(channel: AbstractChannel) -> None:
    """Raise BusUnavailable when the channel, or its connection, is closed by anybody."""
    await asyncio.wait({channel.closing})
    raise BusUnavailable


async def stay_connected(service: str, part: str, url: Secret | str, work: Work) -> None:
    """Give ``work`` a connection; whenever it ends by an outage, give it another, with growing pauses.

    Ends by cancellation, or by the first error that is no outage.
    """
    gauge, log, random = CONNECTED.labels(service, part), get_logger(), SystemRandom()
    loop = asyncio.get_running_loop()
    state, failures, since = "", 0, math.inf

    async def session() -> None:
        nonlocal state, since
        async with connected(url) as connection:
            gauge.set(1)
            if state != "connected":
                log.info("bus.connected", part=part)
            state, since = "connected", loop.time()
            await work(connection)

    try:
        while True:
            code = "bus-unavailable"
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(session())
            except BaseExceptionGroup as errors:
                code = _outage(errors)
            _heed_cancellation()
            gauge.set(0)
            failures = 1 if loop.time() - since > _STEADY.total_seconds() else failures + 1
            since = math.inf
            if state != code:
                log.warning("bus.disconnected", part=part, code=code)
            state = code
            await asyncio.sleep(_BACKOFF.delay(failures, random).total_seconds())
    finally:
        gauge.set(0)


def _heed_cancellation() -> None:
    # A TaskGroup whose tasks fail while it is being cancelled raises their errors, and the cancellation would be lost.
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _outage(errors: BaseExceptionGroup[BaseException]) -> str:
    """The code of the outage. Raises the first error that is none."""
    code = "bus-unavailable"
    for error in _leaves(errors):
        if isinstance(error, Temporary):
            code = error.code
        # When the peer closes the socket, aiormq ends whatever waits with a bare Exception.
        elif not (isinstance(error, CHANNEL_ERRORS) or type(error) is Exception):
            raise error from None
    return code


def _leaves(errors: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in errors.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
