"""Each service has a user of its own at the broker, which may do the service's work and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused
from structlog.testing import capture_logs

from s4_bus.connection import connected
from s4_bus.definitions import definitions
from s4_bus.parked import parked, put_back
from s4_bus.rights import everybody
from s4_bus.topology import EXCHANGE, RETRY_DELAYS, edition, main_queue, own_exchange, parked_queue, queues, retry_queue
from s4_contracts import EVENTS, routing_key
from s4_contracts.web import InviteRequested
from s4_runtime import Permanent, Temporary
from s4_store import Transaction, outbox
from support.broker_users import UsersAtBroker
from support.bus import Bus, note, set_aside
from support.infra import TestBroker
from support.running import running
from support.waiting import until

A_MESSAGE = aio_pika.Message(b"{}", message_id="any")
Deed = Callable[[AbstractChannel], Awaitable[object]]


@pytest.fixture
async def at_broker(broker: TestBroker, amqp_url: str) -> UsersAtBroker:
    found = UsersAtBroker(broker, amqp_url.rpartition("/")[2])
    await found.define()
    return found


async def publish(channel: AbstractChannel, exchange: str, key: str) -> None:
    found = channel.default_exchange if exchange == "" else await channel.get_exchange(exchange, ensure=False)
    await found.publish(A_MESSAGE, key)


async def take(channel: AbstractChannel, queue: str) -> str:
    found = await (await channel.get_queue(queue, ensure=False)).get(timeout=10)
    assert found is not None
    await found.ack()
    return found.routing_key or ""


async def bind(channel: AbstractChannel, queue: str, key: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).bind(EXCHANGE, key)


async def delete(channel: AbstractChannel, queue: str) -> None:
    await channel.queue_delete(queue)


async def declare(channel: AbstractChannel, queue: str) -> None:
    await channel.declare_queue(queue, durable=True)


async def may(at_broker: UsersAtBroker, user: str, deed: Deed) -> bool:
    """Whether the broker lets this user do it."""
    async with connected(at_broker.url(user)) as connection:
        try:
            await deed(await connection.channel())
        except ChannelAccessRefused:
            return False
        return True


async def test_every_services_user_can_do_its_work(at_broker: UsersAtBroker) -> None:
    for service in everybody():
        own = own_exchange(service)
        async with connected(at_broker.url(service)) as connection:
            channel = await connection.channel()
            for event in EVENTS:
                if (key := routing_key(event)).startswith(f"{service}."):
                    await publish(channel, EXCHANGE, key)
            for queue in queues(service):
                await channel.declare_queue(queue.name, passive=True)
                await publish(channel, own, queue.name)
            assert await take(channel, parked_queue(service).name) == parked_queue(service).name
            assert await take(channel, main_queue(service).name)


async def test_no_services_user_can_do_anothers(at_broker: UsersAtBroker) -> None:
    users = everybody()
    for user, other in zip(users, (*users[1:], users[0]), strict=True):
        theirs = main_queue(other).name
        foreign = next(routing_key(event) for event in EVENTS if not routing_key(event).startswith(f"{user}."))
        refused: dict[str, Deed] = {
            "read another's queue": partial(take, queue=theirs),
            "read what of another's is parked": partial(take, queue=parked_queue(other).name),
            "publish another's event": partial(publish, exchange=EXCHANGE, key=foreign),
            "put a message before another": partial(publish, exchange="", key=theirs),
            "put one before another by its exchange": partial(publish, exchange=own_exchange(other), key=theirs),
            "use the default exchange at all": partial(publish, exchange="", key=main_queue(user).name),
            "listen to more": partial(bind, queue=main_queue(user).name, key="web.sign-in-requested.v1"),
            "bind another's queue": partial(bind, queue=theirs, key="#"),
            "make a queue": partial(declare, queue="s4.spy"),
            "make another's queue": partial(declare, queue=theirs),
            "delete another's queue": partial(delete, queue=theirs),
            "delete its own": partial(delete, queue=main_queue(user).name),
        }
        allowed = [name for name, deed in refused.items() if await may(at_broker, user, deed)]
        assert allowed == [], user


async def test_who_only_watches_sees_how_long_queues_are_and_nothing_else(at_broker: UsersAtBroker) -> None:
    async with connected(at_broker.url("watcher")) as connection:
        found = await (await connection.channel()).declare_queue("s4.web", passive=True)
        assert found.declaration_result.message_count == 0
    assert not await may(at_broker, "watcher", partial(take, queue="s4.web"))
    assert not await may(at_broker, "watcher", partial(publish, exchange=EXCHANGE, key="web.x"))


async def test_the_operators_desk_moves_what_is_parked_and_reads_no_queue_of_services(at_broker: UsersAtBroker) -> None:
    async with connected(at_broker.url("desk")) as connection:
        channel = await connection.channel()
        await publish(channel, own_exchange("web"), parked_queue("web").name)
        assert await take(channel, parked_queue("web").name)
        await publish(channel, own_exchange("web"), main_queue("web").name)
    assert not await may(at_broker, "desk", partial(take, queue=main_queue("web").name))
    assert not await may(at_broker, "desk", partial(publish, exchange=EXCHANGE, key="web.invite-requested.v1"))
    assert not await may(at_broker, "desk", partial(declare, queue="s4.spy"))


async def test_events_are_sent_handled_retried_and_parked_with_these_rights(bus: Bus, at_broker: UsersAtBroker) -> None:
    web, notifier = at_broker.url("web"), at_broker.url("notifier")
    tries: list[str] = []

    async def handle(event: InviteRequested, tx: Transaction) -> None:
        tries.append(event.request_id)
        if event.request_id == ids[0] and tries.count(ids[0]) == 1:
            raise Temporary("not-yet")
        if event.request_id == ids[1] and tries.count(ids[1]) == 1:
            raise Permanent("no-such-grid")
        await note(event, tx)

    before = set_aside("no-such-grid")
    ids = await bus.emit(20)
    async with running(bus.relaying(amqp_url=web), bus.consuming(handle, amqp_url=notifier)):
        await until(lambda: set_aside("no-such-grid") > before, within=15, what="one is parked")
        await bus.each_once([ids[0], *ids[2:]])
        (aside,) = await parked("notifier", notifier)
        assert await put_back("notifier", notifier, {aside.id}) == 1
        await bus.each_once(ids)
    assert tries.count(ids[0]) == 2


async def test_an_event_is_not_sent_before_the_definitions_are_there_and_waits_for_who_never_ran(
    bus: Bus, broker: TestBroker, amqp_url: str
) -> None:
    early = UsersAtBroker(broker, amqp_url.rpartition("/")[2])
    await early.define(only_users=True)
    ids = await bus.emit(3)
    with capture_logs() as lines:
        async with running(bus.relaying(amqp_url=early.url("web"))):
            await until(lambda: told(lines, "bus-not-defined"), within=10, what="the relay says what is missing")
            assert (await outbox.backlog(bus.sender)).pending == 3
            await early.define()
            await until(lambda: sent(bus), within=15, what="all are sent")
    assert {"missing": edition(), "part": "relay"}.items() <= told(lines, "bus-not-defined")[0].items()
    async with running(bus.consuming(amqp_url=early.url("notifier"))):
        await bus.each_once(ids)


async def test_an_event_is_not_sent_past_definitions_of_an_earlier_version(bus: Bus, at_broker: UsersAtBroker) -> None:
    await at_broker.forget(f"exchanges/{edition()}")
    ids = await bus.emit(2)
    with capture_logs() as lines:
        async with running(
            bus.relaying(amqp_url=at_broker.url("web")), bus.consuming(amqp_url=at_broker.url("notifier"))
        ):
            await until(lambda: len(told(lines, "bus-not-defined")) == 2, within=10, what="both say what is missing")
            assert (await outbox.backlog(bus.sender)).pending == 2
            await at_broker.define()
            await bus.each_once(ids)


async def test_a_queue_that_somebody_deleted_holds_up_its_senders_until_it_is_defined_again(
    bus: Bus, at_broker: UsersAtBroker
) -> None:
    await at_broker.forget("queues/s4.notifier")
    ids = await bus.emit(2)
    with capture_logs() as lines:
        async with running(bus.relaying(amqp_url=at_broker.url("web"))):
            await until(lambda: told(lines, "bus-not-defined"), within=10, what="the relay says what is missing")
            assert told(lines, "bus-not-defined")[0]["missing"] == "s4.notifier"
            await at_broker.define()
            await until(lambda: sent(bus), within=15, what="all are sent")
    assert await bus.waiting() == len(ids)


async def test_a_broker_that_has_lost_everything_gets_it_again_from_the_outboxes(
    bus: Bus, at_broker: UsersAtBroker
) -> None:
    web, notifier = at_broker.url("web"), at_broker.url("notifier")
    async with running(bus.relaying(amqp_url=web)):
        ids = await bus.emit(10)
        async with running(bus.consuming(amqp_url=notifier)):
            await bus.each_once(ids)
        ids += await bus.emit(10)
        await until(lambda: sent(bus), within=15, what="all are sent")
        await asyncio.to_thread(at_broker.broker.delete_vhost, at_broker.vhost)
        await at_broker.define()
        await bus.sender.execute(again_from_the_page())
        async with running(bus.consuming(amqp_url=notifier)):
            await bus.each_once(ids)


async def test_a_wrong_password_is_said_so_and_tried_again(bus: Bus, at_broker: UsersAtBroker) -> None:
    with capture_logs() as lines:
        async with running(bus.consuming(amqp_url=at_broker.url("notifier", "guess"))) as (consumer,):
            await until(lambda: told(lines, "bus-login-refused"), within=10, what="the consumer says why")
            assert not consumer.done()
    assert "guess" not in str(lines)


async def test_definitions_applied_again_change_nothing(at_broker: UsersAtBroker) -> None:
    before = await everything(at_broker)
    await at_broker.define()
    assert await everything(at_broker) == before
    assert before["queues"] == len(everybody()) * (2 + len(RETRY_DELAYS))
    assert retry_queue("web", "1s").name in str(definitions())


def again_from_the_page() -> str:
    """What the page for operators says to type."""
    page = Path(__file__).parents[3] / "docs" / "operations" / "broker.md"
    (line,) = [line.strip() for line in page.read_text(encoding="utf-8").splitlines() if "update outbox" in line]
    return line


async def everything(at_broker: UsersAtBroker) -> dict[str, int]:
    kinds = ("exchanges", "queues", "bindings", "permissions", "topic-permissions")
    calls = [asyncio.to_thread(at_broker.broker.call, "GET", f"/api/{kind}") for kind in kinds]
    found: Any = dict(zip(kinds, await asyncio.gather(*calls), strict=True))
    return {kind: len([each for each in listed if each["vhost"] == at_broker.vhost]) for kind, listed in found.items()}


def told(lines: Sequence[Mapping[str, Any]], code: str) -> list[Mapping[str, Any]]:
    return [line for line in lines if line.get("code") == code]


async def sent(bus: Bus) -> bool:
    return (await outbox.backlog(bus.sender)).pending == 0
