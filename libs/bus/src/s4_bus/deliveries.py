"""Messages that the broker has handed over and that are not yet acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import timedelta

import aiormq
from aio_pika.abc import AbstractChannel
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic

from s4_bus.connection import ANSWER_TIMEOUT
from s4_bus.envelope import is_suspect

_BATCH = 100
_LINGER = timedelta(milliseconds=20)  # what else arrives while another batch is under way joins the next one
_QUIET = timedelta(milliseconds=500)  # a queue that gives nothing for so long holds no suspects


class Deliveries:
    """Hands out batches, and acknowledges them in as few frames as possible."""

    def __init__(self, channel: AbstractChannel, raw: aiormq.Channel, queue: str) -> None:
        self._channel = channel
        self._raw = raw
        self._queue = queue
        self._tag = ""
        self._arrived: asyncio.Queue[DeliveredMessage | None] = asyncio.Queue()
        self._unsettled: set[int] = set()
        self._one_at_a_time = asyncio.Lock()
        self._acknowledging = asyncio.Lock()
        self._under_way = 0
        raw.on_consumer_cancel_callbacks.add(self._on_cancelled_by_broker)

    async def start(self, prefetch: int) -> None:
        """From here on the broker sends, up to ``prefetch`` messages ahead. Raises TimeoutError."""
        async with asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
            await self._channel.set_qos(prefetch_count=prefetch)
            self._tag = (await self._raw.basic_consume(self._queue, self._on_message)).consumer_tag or ""

    async def stop(self) -> None:
        """The broker sends no more."""
        async with asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
            await self._raw.basic_cancel(self._tag)

    def close(self) -> None:
        """Batches end when what has arrived is handed out."""
        self._arrived.put_nowait(None)

    async def suspect(self) -> DeliveredMessage | None:
        """The next message, if it is a suspect. Any other is kept for a batch."""
        try:
            async with asyncio.timeout(_QUIET.total_seconds()):
                message = await self._arrived.get()
        except TimeoutError:
            return None
        if message is not None and is_suspect(message):
            return message
        self._arrived.put_nowait(message)
        return None

    async def batch(self) -> Sequence[DeliveredMessage]:
        """What has arrived; nothing at the end. While no batch is under way it waits for no companions."""
        async with self._one_at_a_time:
            first = await self._arrived.get()
            if self._under_way and first is not None:
                await asyncio.sleep(_LINGER.total_seconds())
            found: list[DeliveredMessage] = []
            while first is not None:
                found.append(first)
                if len(found) == _BATCH or self._arrived.empty():
                    break
                first = self._arrived.get_nowait()
            if first is None:
                self.close()
        self._under_way += 1 if found else 0
        return found

    def batch_ended(self) -> None:
        """The batch is settled, or given up."""
        self._under_way -= 1

    async def acknowledge(self, messages: Iterable[DeliveredMessage]) -> None:
        """The broker forgets them."""
        tags = {message.delivery_tag or 0 for message in messages}
        if not tags:
            return
        async with self._acknowledging:  # in order: "all up to 200" before "100" would name 100 twice
            self._unsettled -= tags
            last = max(tags)
            if not self._unsettled or min(self._unsettled) > last:
                await self._raw.basic_ack(last, multiple=True, wait=False)
                return
            for tag in tags:
                await self._raw.basic_ack(tag, wait=False)

    async def _on_message(self, message: DeliveredMessage) -> None:
        self._unsettled.add(message.delivery_tag or 0)
        self._arrived.put_nowait(message)

    async def _on_cancelled_by_broker(self, _frame: Basic.Cancel) -> None:
        self.close()
