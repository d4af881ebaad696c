"""One sending and one receiving service, for tests of what lies between them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aio_pika

from s4_bus import bus_ready, consume, on, relay
from s4_bus.connection import connected
from s4_bus.declare import declare_service
from s4_bus.metrics import CONSUMED, PARKED, RETRIED
from s4_contracts import encode
from s4_contracts.web import InviteRequested
from s4_runtime import new_id
from s4_store import Pool, Transaction
from support.events import an_invite
from support.waiting import until

INVITE = "web.invite-requested.v1"
QUEUE = "s4.notifier"
Handler = Callable[[InviteRequested, Transaction], Awaitable[None]]


async def note(event: InviteRequested, tx: Transaction) -> None:
    """The effect that tests look for: one row for each time that it was had."""
    await tx.execute("insert into effects (request_id) values ($1)", event.request_id)


@dataclass(frozen=True)
class Bus:
    """web sends invites, notifier receives them."""

    sender: Pool
    receiver: Pool
    amqp_url: str

    def relaying(self, *, pool: Pool | None = None, amqp_url: str | None = None) -> Coroutine[Any, Any, None]:
        return relay("web", pool or self.sender, amqp_url or self.amqp_url)

    def consuming(
        self, handler: Handler = note, *, pool: Pool | None = None, amqp_url: str | None = None
    ) -> Coroutine[Any, Any, None]:
        return consume("notifier", [on(InviteRequested, handler)], pool or self.receiver, amqp_url or self.amqp_url)

    async def emit(self, count: int) -> list[str]:
        """Events in the sender's outbox; their request ids."""
        events = [an_invite() for _ in range(count)]
        async with self.sender.transaction() as tx:
            for event in events:
                await tx.emit(event)
        return [event.request_id for event in events]

    async def effects(self) -> Counter[str]:
        """How often each request had its effect."""
        rows = await self.receiver.fetch("select request_id, count(*) as times from effects group by 1")
        return Counter({row["request_id"]: row["times"] for row in rows})

    async def each_once(self, ids: Sequence[str], within: float = 20) -> None:
        """Wait until all have had their effect; nothing had it twice, and nothing else had any."""
        await until(lambda: self._arrived(len(ids)), within=within, what=f"{len(ids)} effects")
        assert await self.effects() == Counter(ids)

    async def _arrived(self, count: int) -> bool:
        return bool(await self.receiver.fetchval("select count(*) from effects") >= count)

    async def publish(self, *messages: aio_pika.Message) -> None:
        """Straight into the receiver's queue, past every outbox."""
        async with connected(self.amqp_url) as connection:
            channel = await connection.channel()
            for message in messages:
                await channel.default_exchange.publish(message, QUEUE, mandatory=True)

    async def waiting(self, queue: str = QUEUE) -> int:
        """How many messages wait in the queue."""
        async with connected(self.amqp_url) as connection:
            channel = await connection.channel()
            declared = await channel.declare_queue(queue, passive=True)
            return declared.declaration_result.message_count or 0

    async def exists(self, queue: str) -> bool:
        """Whether somebody has declared the queue."""
        try:
            await self.waiting(queue)
        except aio_pika.exceptions.ChannelNotFoundEntity:
            return False
        return True

    async def declare(self, queue: str, arguments: dict[str, str]) -> None:
        """A queue that somebody else made in our name."""
        async with connected(self.amqp_url) as connection:
            channel = await connection.channel()
            await channel.declare_queue(queue, durable=True, arguments=dict(arguments))

    async def declare_receiver(self) -> None:
        """The receiver's queues, as if it had run before."""
        async with connected(self.amqp_url) as connection:
            await declare_service(await connection.channel(), "notifier", [INVITE])

    async def delete(self, queue: str) -> None:
        """An operator's mistake."""
        async with connected(self.amqp_url) as connection:
            channel = await connection.channel()
            await channel.queue_delete(queue)

    async def listening(self) -> None:
        """Wait until a consumer consumes."""
        ready = bus_ready("notifier", self.receiver)

        async def consuming() -> bool:
            return (await ready()).get("consumer", False)

        await until(consuming, within=15, what="a consumer that consumes")

    @property
    def sender_url(self) -> str:
        """The sender's database."""
        return self.sender.url.reveal()

    @property
    def receiver_url(self) -> str:
        """The receiver's database."""
        return self.receiver.url.reveal()

    async def settled(self) -> bool:
        """Whether nothing waits, not even in a consumer's hands."""
        async with connected(self.amqp_url) as connection:
            channel = await connection.channel()
            queue = await channel.get_queue(QUEUE)
            return await queue.get(fail=False, no_ack=False) is None


def a_message(event: InviteRequested | None = None, **changes: Any) -> aio_pika.Message:
    """An invite as the relay would publish it, but for the changes."""
    event = event or an_invite()
    shape: Mapping[str, Any] = {"body": encode(event), "message_id": new_id(), "type": INVITE, "headers": {}} | changes
    return aio_pika.Message(**shape)


def consumed(outcome: str) -> float:
    """The counter of deliveries with this outcome, of all types."""
    return counted(CONSUMED, outcome=outcome)


def put_off(code: str) -> float:
    """The counter of retries for this reason."""
    return counted(RETRIED, code=code)


def set_aside(code: str) -> float:
    """The counter of parked messages for this reason."""
    return counted(PARKED, code=code)


def counted(counter: Any, **labels: str) -> float:
    """What the counter has counted under these labels, whatever its other labels."""
    samples = [sample for metric in counter.collect() for sample in metric.samples if sample.name.endswith("_total")]
    return sum(float(sample.value) for sample in samples if labels.items() <= sample.labels.items())


class Gate:
    """A handler that tells when it was reached, and waits to be let through."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = asyncio.Event()
        self.entered = 0

    async def handle(self, event: InviteRequested, tx: Transaction) -> None:
        self.entered += 1
        self.reached.set()
        await self.open.wait()
        await note(event, tx)
