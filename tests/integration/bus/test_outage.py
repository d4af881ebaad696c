"""Connections are cut and servers go away: nothing is lost, and no effect is had twice."""

import asyncio
from functools import partial

from structlog.testing import capture_logs

from s4_bus import bus_ready
from s4_bus.metrics import REFUSED
from s4_contracts.web import InviteRequested
from s4_runtime import forever
from s4_store import Pool, Transaction, outbox
from support.bus import Bus, Gate, a_message, consumed, counted, note
from support.cutproxy import cut_proxy
from support.events import an_invite
from support.infra import TestBroker
from support.running import running
from support.waiting import until


async def some_effects(bus: Bus, more_than: int) -> bool:
    return len(await bus.effects()) > more_than


async def test_the_brokers_connections_are_cut_again_and_again(bus: Bus) -> None:
    ids = await bus.emit(600)
    async with cut_proxy(bus.amqp_url) as proxy:
        async with running(bus.relaying(amqp_url=proxy.url), bus.consuming(amqp_url=proxy.url)):
            for seen in (0, 100, 250, 400):
                await until(partial(some_effects, bus, seen), within=20, what=f"more than {seen} effects")
                proxy.cut()
            ids += await bus.emit(50)
            await bus.each_once(ids)
            await until(bus.settled, within=10, what="nothing is left to deliver")
        assert proxy.accepted > 2


async def test_the_databases_connections_are_cut_again_and_again(bus: Bus) -> None:
    ids = await bus.emit(400)
    async with (
        cut_proxy(bus.sender_url) as near,
        cut_proxy(bus.receiver_url) as far,
        Pool.open(near.url) as sender,
        Pool.open(far.url) as receiver,
        running(bus.relaying(pool=sender), bus.consuming(pool=receiver)),
    ):
        for seen in (0, 100, 250):
            await until(partial(some_effects, bus, seen), within=20, what=f"more than {seen} effects")
            near.cut()
            far.cut()
        ids += await bus.emit(50)
        await bus.each_once(ids)


async def test_a_cut_between_confirmation_and_commit_publishes_twice_and_has_its_effect_once(bus: Bus) -> None:
    ids = await bus.emit(40)
    before = consumed("duplicate")
    async with cut_proxy(bus.sender_url) as near, Pool.open(near.url) as sender:
        async with bus.sender.transaction() as tx:
            # The relay's commit waits for this lock, long after the broker has confirmed.
            await tx.execute(
                "create function hold() returns trigger language plpgsql as"
                " $$ begin perform pg_advisory_xact_lock(7); return null; end $$;"
                "create constraint trigger hold after update on outbox deferrable initially deferred"
                " for each row execute function hold()"
            )
        async with bus.sender.transaction() as tx:
            await tx.execute("select pg_advisory_xact_lock(7)")
            async with running(bus.relaying(pool=sender), bus.consuming()):
                await bus.each_once(ids)
                near.refuse()
                assert await bus.sender.fetchval(
                    "select bool_and(pg_terminate_backend(pid)) from pg_stat_activity"
                    " where datname = current_database() and wait_event = 'advisory'"
                )
        near.accept()
        async with running(bus.relaying(pool=sender), bus.consuming()):
            await until(lambda: consumed("duplicate") >= before + 40, within=20, what="all of them came again")
            await bus.each_once(ids)


async def test_a_broker_that_is_late_is_waited_for_and_said_once(bus: Bus) -> None:
    ids = await bus.emit(3)
    with capture_logs() as lines:
        async with cut_proxy(bus.amqp_url) as proxy:
            proxy.refuse()
            async with running(bus.relaying(amqp_url=proxy.url), bus.consuming(amqp_url=proxy.url)):
                ready = bus_ready("notifier", bus.receiver)
                await until(lambda: proxy.refused > 5, within=20, what="several attempts each")
                assert (await ready())["consumer"] is False
                proxy.accept()
                await bus.each_once(ids)
                assert (await ready())["consumer"] is True
    told = [(line["event"], line["part"]) for line in lines if line["event"].startswith("bus.")]
    assert sorted(told) == [
        ("bus.connected", "consumer"),
        ("bus.connected", "relay"),
        ("bus.disconnected", "consumer"),
        ("bus.disconnected", "relay"),
    ]


async def test_while_the_database_is_away_messages_keep_their_place_and_their_attempts(bus: Bus) -> None:
    before = consumed("retried"), consumed("parked")
    events = [an_invite() for _ in range(5)]
    async with (
        cut_proxy(bus.receiver_url) as far,
        Pool.open(far.url) as receiver,
        running(bus.consuming(pool=receiver)),
    ):
        await bus.listening()
        far.refuse()
        await bus.publish(*map(a_message, events))
        await until(lambda: far.refused > 3, within=15, what="several attempts")
        assert await bus.effects() == {}
        far.accept()
        await bus.each_once([event.request_id for event in events])
    assert (consumed("retried"), consumed("parked")) == before


async def test_a_consumer_without_a_database_takes_no_messages(bus: Bus) -> None:
    events = [an_invite() for _ in range(3)]
    async with running(bus.consuming()):
        await bus.listening()
    async with cut_proxy(bus.receiver_url) as far, Pool.open(far.url) as receiver:
        far.refuse()
        async with running(bus.consuming(pool=receiver)):
            await bus.publish(*map(a_message, events))
            await until(lambda: far.refused > 2, within=15, what="several attempts")
            assert await bus.waiting() == 3
            far.accept()
            await bus.each_once([event.request_id for event in events])


async def test_a_handler_whose_broker_goes_away_has_its_effect_once_when_it_is_back(bus: Bus) -> None:
    gate, event = Gate(), an_invite()
    async with cut_proxy(bus.amqp_url) as proxy, running(bus.consuming(gate.handle, amqp_url=proxy.url)):
        await bus.listening()
        await bus.publish(a_message(event))
        await gate.reached.wait()
        proxy.cut()
        await until(lambda: gate.entered == 2, within=20, what="delivered again")
        gate.open.set()
        await bus.each_once([event.request_id])
        await until(bus.settled, within=10, what="nothing is left to deliver")


async def test_a_service_without_a_broker_still_stops_when_told_to(bus: Bus) -> None:
    async with cut_proxy(bus.amqp_url) as proxy:
        proxy.refuse()
        async with running(bus.relaying(amqp_url=proxy.url), bus.consuming(note, amqp_url=proxy.url)) as loops:
            await until(lambda: proxy.refused > 1, within=10, what="an attempt each")
            for loop in loops:
                loop.cancel()
            done, _ = await asyncio.wait(loops, timeout=5)
            assert len(done) == 2


async def test_a_queue_that_was_deleted_is_made_again(bus: Bus) -> None:
    event = an_invite()
    async with running(bus.consuming()):
        await bus.listening()
        await bus.delete("s4.notifier")
        await until(partial(bus.exists, "s4.notifier"), within=10, what="the queue is there again")
        await bus.listening()
        await bus.publish(a_message(event))
        await bus.each_once([event.request_id])


async def test_what_the_broker_refuses_stays_in_the_outbox_until_it_is_taken(bus: Bus, broker: TestBroker) -> None:
    await bus.declare_receiver()
    policy = f"/api/policies/{bus.amqp_url.rpartition('/')[2]}/full"
    full = {"pattern": "^s4.notifier$", "definition": {"max-length": 2}, "apply-to": "queues"}
    await asyncio.to_thread(broker.call, "PUT", policy, full)
    ids: list[str] = []
    before = counted(REFUSED, service="web")

    async def refused() -> bool:
        # The broker notices only after a while that the queue is full.
        ids.extend(await bus.emit(5))
        return counted(REFUSED, service="web") > before

    async with running(bus.relaying()):
        await until(refused, within=15, what="a refusal")
        assert (await outbox.backlog(bus.sender)).pending > 0
        await asyncio.to_thread(broker.call, "DELETE", policy)
        async with running(bus.consuming()):
            await bus.each_once(ids)


async def test_a_slow_handler_holds_up_neither_others_nor_their_acknowledgement(bus: Bus) -> None:
    slow, others = an_invite("slow"), [an_invite() for _ in range(20)]
    inside, before = asyncio.Event(), consumed("duplicate")

    async def handle(event: InviteRequested, tx: Transaction) -> None:
        await note(event, tx)
        if event.request_id == "slow" and not inside.is_set():
            inside.set()
            await forever()

    async with cut_proxy(bus.amqp_url) as proxy, running(bus.consuming(handle, amqp_url=proxy.url)):
        await bus.listening()
        await bus.publish(a_message(slow))
        await inside.wait()
        await bus.publish(*map(a_message, others))
        ids = [event.request_id for event in others]
        await bus.each_once(ids)
        proxy.cut()
        await bus.each_once(["slow", *ids])
    assert consumed("duplicate") == before
