import asyncio
import json

from s4_bus import bus_ready
from s4_bus.metrics import CONNECTED, UNROUTABLE
from s4_contracts import MalformedEvent
from s4_contracts.web import InviteRequested
from s4_runtime import context, new_id
from s4_store import Transaction, outbox
from s4_store.testing import emitted
from support.bus import INVITE, Bus, Gate, a_message, consumed, counted, note
from support.events import a_paid_signup, an_invite
from support.running import running
from support.waiting import until


async def test_every_event_has_its_effect_once(bus: Bus) -> None:
    ids = await bus.emit(50)
    async with running(bus.relaying(), bus.consuming()):
        ids += await bus.emit(250)
        await bus.each_once(ids)
    assert await bus.settled()
    assert await outbox.backlog(bus.sender) == outbox.Backlog(0, 0.0)


async def test_an_event_waits_for_a_listener_that_has_never_run(bus: Bus) -> None:
    ids = await bus.emit(3)
    async with running(bus.relaying()):
        await until(lambda: nothing_pending(bus), within=10, what="the outbox is empty")
    async with running(bus.consuming()):
        await bus.each_once(ids)


async def test_an_event_that_nobody_listens_to_is_sent_and_counted(bus: Bus) -> None:
    await bus.sender.execute(
        "insert into outbox (id, type, body, headers) values ($1, 'web.unheard-of.v1', '{}', '{}')", new_id()
    )
    async with running(bus.relaying()):
        await until(lambda: nothing_pending(bus), within=10, what="the outbox is empty")
    assert counted(UNROUTABLE, type="web.unheard-of.v1") == 1


async def test_the_same_message_again_changes_nothing(bus: Bus) -> None:
    event, message_id, before = an_invite(), new_id(), consumed("duplicate")
    async with running(bus.consuming()):
        await bus.listening()
        await bus.publish(*(a_message(event, message_id=message_id) for _ in range(5)))
        await bus.publish(a_message(event, message_id=message_id))
        await until(lambda: consumed("duplicate") + consumed("handled") >= before + 6, within=10, what="six deliveries")
    assert await bus.effects() == {event.request_id: 1}


async def test_messages_in_any_order_each_have_their_effect(bus: Bus) -> None:
    events = [an_invite() for _ in range(20)]
    async with running(bus.consuming()):
        await bus.listening()
        await bus.publish(*map(a_message, reversed(events)))
        await bus.publish(*map(a_message, events))
        await until(lambda: doubled(bus, len(events)), within=10, what="forty messages, each of its own")


async def test_the_story_goes_on_in_what_a_handler_emits(bus: Bus) -> None:
    async def answer(event: InviteRequested, tx: Transaction) -> None:
        await tx.emit(a_paid_signup(plan=event.request_id))
        await note(event, tx)

    cause = context.Cause("story-1", None, "00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    with context.bound(cause):
        ids = await bus.emit(1)
    async with running(bus.relaying(), bus.consuming(answer)):
        await bus.each_once(ids)
    message_id = await bus.sender.fetchval("select id from outbox")
    headers = json.loads(await bus.receiver.fetchval("select headers from outbox"))
    assert headers == {
        "X-Correlation-Id": "story-1",
        "X-Causation-Id": message_id,
        "traceparent": cause.traceparent,
    }


async def test_what_a_failed_handler_emitted_is_not_sent(bus: Bus) -> None:
    async def fail(_event: InviteRequested, tx: Transaction) -> None:
        await tx.emit(a_paid_signup())
        raise MalformedEvent(INVITE, "of no use")

    before = consumed("retried")
    await bus.emit(1)
    async with running(bus.relaying(), bus.consuming(fail)):
        await until(lambda: consumed("retried") > before, within=10, what="the handler failed")
    assert await emitted(bus.receiver) == []


async def test_two_relays_and_two_consumers_share_the_work(bus: Bus) -> None:
    ids = await bus.emit(300)
    async with running(bus.relaying(), bus.relaying(), bus.consuming(), bus.consuming()):
        ids += await bus.emit(100)
        await bus.each_once(ids)


async def test_at_the_end_what_was_begun_is_finished_and_acknowledged(bus: Bus) -> None:
    gate = Gate()
    async with running(bus.consuming(gate.handle)) as (consumer,):
        await bus.listening()
        await bus.publish(a_message())
        await gate.reached.wait()
        consumer.cancel()
        done, _ = await asyncio.wait({consumer}, timeout=0.2)
        assert not done
        gate.open.set()
        await asyncio.wait({consumer}, timeout=10)
        assert consumer.cancelled()
    assert sum((await bus.effects()).values()) == 1
    assert gate.entered == 1
    assert await bus.settled()


async def test_readiness_says_which_part_is_connected(bus: Bus) -> None:
    CONNECTED.clear()  # a notifier of another test in this process may have had a relay
    async with running(bus.relaying(), bus.consuming()):
        web, notifier = bus_ready("web", bus.sender), bus_ready("notifier", bus.receiver)
        await bus.listening()
        assert await notifier() == {"database": True, "consumer": True}
        await until(lambda: all_true(web), within=10, what="the relay is connected")
    assert await notifier() == {"database": True, "consumer": False}


async def nothing_pending(bus: Bus) -> bool:
    return (await outbox.backlog(bus.sender)).pending == 0


async def doubled(bus: Bus, count: int) -> bool:
    effects = await bus.effects()
    return len(effects) == count and set(effects.values()) == {2}


async def all_true(readiness: object) -> bool:
    flags = await readiness()  # type: ignore[operator]  # a Readiness
    return bool(flags.get("relay")) and all(flags.values())
