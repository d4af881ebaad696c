"""The processes of the bench: what a service runs, and what it is compared with."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import aio_pika
import uvloop

from s4_bus import bus_ready, consume, on, relay
from s4_bus.metrics import CONSUMED
from s4_contracts import encode
from s4_contracts.ids import AccountId, GridId, RequestId
from s4_contracts.web import InviteRequested
from s4_runtime import configure, new_id
from s4_store import Pool, Transaction, migrate

IN_FLIGHT = 200


def invited() -> InviteRequested:
    """An event with one listener, as the bare messages have."""
    return InviteRequested(
        occurred_at=datetime.now(UTC),
        account_id=AccountId(new_id()),
        grid_id=GridId(new_id()),
        request_id=RequestId(new_id()),
    )


async def go() -> None:
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)


async def bare_producer(count: int, urls: dict[str, str]) -> None:
    bodies = [encode(invited()) for _ in range(count)]
    await go()
    connection = await aio_pika.connect(urls["amqp"])
    channel = await connection.channel(publisher_confirms=True)
    exchange = await channel.get_exchange(urls["queue"])
    free = asyncio.Semaphore(IN_FLIGHT)

    async def publish(body: bytes) -> None:
        message = aio_pika.Message(body, message_id=new_id(), delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        try:
            await exchange.publish(message, routing_key="bench")
        finally:
            free.release()

    async with asyncio.TaskGroup() as group:
        for body in bodies:
            await free.acquire()
            group.create_task(publish(body))
    await asyncio.Event().wait()


async def bare_consumer(count: int, urls: dict[str, str]) -> None:
    connection = await aio_pika.connect(urls["amqp"])
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=IN_FLIGHT)
    exchange = await channel.declare_exchange(urls["queue"], aio_pika.ExchangeType.TOPIC, durable=True)
    queue = await channel.declare_queue(urls["queue"], durable=True, arguments={"x-queue-type": "quorum"})
    await queue.bind(exchange, "bench")
    seen, everything = 0, asyncio.Event()

    async def handle(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        nonlocal seen
        await message.ack()
        seen += 1
        if seen == count:
            everything.set()

    await queue.consume(handle)
    await go()
    await everything.wait()
    print("done", flush=True)
    await asyncio.Event().wait()


async def fill(count: int, urls: dict[str, str]) -> None:
    await migrate(urls["database"], "s4_store")
    async with Pool.open(urls["database"]) as pool:
        for first in range(0, count, 1000):
            async with pool.transaction() as tx:
                for _ in range(min(1000, count - first)):
                    await tx.emit(invited())
    print("done", flush=True)


async def producing(_count: int, urls: dict[str, str]) -> None:
    async with Pool.open(urls["database"]) as pool:
        await go()
        await relay("web", pool, urls["amqp"])


def handled() -> float:
    """Events whose effect is committed and whose delivery is acknowledged."""
    samples = [sample for metric in CONSUMED.collect() for sample in metric.samples]
    return sum(sample.value for sample in samples if sample.name.endswith("_total"))


async def consuming(count: int, urls: dict[str, str]) -> None:
    await migrate(urls["database"], "s4_store")
    service = "notifier"
    async with Pool.open(urls["database"]) as pool, asyncio.TaskGroup() as group:
        await pool.execute("create table ledger (account_id text not null)")

        async def enter(event: InviteRequested, tx: Transaction) -> None:
            await tx.execute("insert into ledger (account_id) values ($1)", event.account_id)

        group.create_task(consume(service, [on(InviteRequested, enter)], pool, urls["amqp"]))
        ready = bus_ready(service, pool)
        while not (await ready()).get("consumer"):  # noqa: ASYNC110  what is awaited is a gauge
            await asyncio.sleep(0.01)
        await asyncio.sleep(1)  # past the look for suspects at the start, which an empty queue cuts short
        await go()
        while handled() < count:  # noqa: ASYNC110  what is awaited is a counter
            await asyncio.sleep(0.005)
        print("done", flush=True)


SIDES = {
    "bare-producer": bare_producer,
    "bare-consumer": bare_consumer,
    "fill": fill,
    "relay": producing,
    "consumer": consuming,
}


def main() -> None:
    name, count, log, urls = sys.argv[1:]
    with Path(log).open("a", encoding="utf-8") as out:
        configure("bench", "info", out)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(SIDES[name](int(count), json.loads(urls)))


if __name__ == "__main__":
    main()
