"""Handlers that fail, and messages that cannot be handled."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from s4_bus import consume, on
from s4_bus.envelope import ATTEMPTS
from s4_bus.parked import Parked, parked, put_back
from s4_bus.retry import MAX_ATTEMPTS
from s4_contracts.web import InviteRequested
from s4_runtime import Permanent, Temporary, new_id
from s4_store import Transaction, inbox
from support.bus import Bus, a_message, note, put_off, set_aside
from support.events import an_invite
from support.running import running
from support.waiting import until


class Sometimes:
    """A handler that fails for some requests until it is mended."""

    def __init__(self, *failing: str, error: Exception) -> None:
        self.failing = set(failing)
        self.error = error
        self.tries: list[str] = []

    async def handle(self, event: InviteRequested, tx: Transaction) -> None:
        self.tries.append(event.request_id)
        await note(event, tx)
        if event.request_id in self.failing:
            raise self.error


async def parked_codes(bus: Bus, count: int) -> list[str]:
    """The codes of the parked messages, once there are so many."""

    async def enough() -> list[Parked]:
        found = await parked("notifier", bus.amqp_url)
        return found if len(found) == count else []

    found = await until(enough, within=15, what=f"{count} parked messages")
    return sorted(each.code for each in found)


async def test_one_that_fails_for_now_comes_again_and_the_others_do_not_wait(bus: Bus) -> None:
    events = [an_invite() for _ in range(20)]
    ids = [event.request_id for event in events]
    sometimes = Sometimes(ids[7], error=Temporary("grid-not-there-yet"))
    before = put_off("grid-not-there-yet")
    async with running(bus.relaying(), bus.consuming(sometimes.handle)):
        async with bus.sender.transaction() as tx:
            for event in events:
                await tx.emit(event)
        await until(lambda: put_off("grid-not-there-yet") > before, within=10, what="put off")
        await bus.each_once([each for each in ids if each != ids[7]])
        sometimes.failing.clear()
        await bus.each_once(ids)
    assert await bus.settled()


async def test_trouble_that_stays_is_parked_at_once_and_the_others_flow_on(bus: Bus) -> None:
    events = [an_invite() for _ in range(10)]
    bad = events[3].request_id
    sometimes = Sometimes(bad, error=Permanent("no-such-grid"))
    before = set_aside("no-such-grid")
    async with running(bus.relaying(), bus.consuming(sometimes.handle)):
        async with bus.sender.transaction() as tx:
            for event in events:
                await tx.emit(event)
        await bus.each_once([event.request_id for event in events if event.request_id != bad])
        assert await parked_codes(bus, 1) == ["no-such-grid"]
    assert set_aside("no-such-grid") == before + 1


async def test_what_cannot_be_read_is_parked_at_once_and_the_others_flow_on(bus: Bus) -> None:
    good = an_invite()
    async with running(bus.consuming()):
        await bus.listening()
        await bus.publish(
            a_message(body=b"{"),
            a_message(body=b'{"type":"web.invite-requested.v1"}'),
            a_message(type="web.invite-requested.v2"),
            a_message(type="somebody.else-entirely.v1"),
            a_message(type=None),
            a_message(message_id="not-an-id"),
            a_message(good),
        )
        await bus.each_once([good.request_id])
        assert await parked_codes(bus, 6) == [
            "malformed-event",
            "malformed-event",
            "malformed-id",
            "unknown-event",
            "unknown-event",
            "unknown-event",
        ]


async def test_the_last_attempt_that_fails_parks_with_its_reason(bus: Bus) -> None:
    event, message_id = an_invite(), new_id()
    sometimes = Sometimes(event.request_id, error=Temporary("grid-not-there-yet"))
    async with running(bus.consuming(sometimes.handle)):
        await bus.listening()
        await bus.publish(a_message(event, message_id=message_id, headers={ATTEMPTS: MAX_ATTEMPTS - 1}))
        assert await parked_codes(bus, 1) == ["grid-not-there-yet"]
    (found,) = await parked("notifier", bus.amqp_url)
    assert (found.id, found.type, found.attempts) == (message_id, "web.invite-requested.v1", MAX_ATTEMPTS)
    assert found.at is not None
    assert await bus.effects() == {}


async def test_a_parked_message_that_is_put_back_has_its_effect(bus: Bus) -> None:
    event, other = an_invite(), an_invite()
    sometimes = Sometimes(event.request_id, other.request_id, error=Permanent("no-such-grid"))
    async with running(bus.consuming(sometimes.handle)):
        await bus.listening()
        message_id = new_id()
        await bus.publish(a_message(event, message_id=message_id), a_message(other))
        await parked_codes(bus, 2)
        sometimes.failing.clear()
        assert await put_back("notifier", bus.amqp_url, {message_id}) == 1
        await bus.each_once([event.request_id])
        assert await parked_codes(bus, 1) == ["no-such-grid"]


async def test_what_nobody_foresaw_is_tried_again_and_its_text_is_nowhere_in_the_log(bus: Bus) -> None:
    event = an_invite()
    sometimes = Sometimes(event.request_id, error=ValueError("pb://secret@tcp:example.org:1/swissnum"))
    before = put_off("unforeseen-ValueError")
    with capture_logs() as lines:
        async with running(bus.consuming(sometimes.handle)):
            await bus.listening()
            await bus.publish(a_message(event))
            await until(lambda: put_off("unforeseen-ValueError") > before, within=10, what="put off")
    (told,) = [line for line in lines if line["event"] == "event.unforeseen"]
    assert told["error"] == "ValueError"
    assert "test_trouble" in told["where"]
    assert "swissnum" not in str(lines)


async def test_a_longer_wait_is_granted_when_asked_for(bus: Bus) -> None:
    event = an_invite()
    sometimes = Sometimes(event.request_id, error=Temporary("come-later", retry_after=timedelta(seconds=4)))
    before = put_off("come-later")
    async with running(bus.consuming(sometimes.handle)):
        await bus.listening()
        await bus.publish(a_message(event))
        await until(lambda: put_off("come-later") > before, within=10, what="put off")
        await until(lambda: has_one(bus, "s4.notifier.retry.5s"), within=5, what="it waits among the five-second ones")


async def test_queues_that_were_declared_differently_stop_the_service_with_their_name(bus: Bus) -> None:
    await bus.declare("s4.notifier.retry.1s", {"x-queue-type": "classic"})
    with pytest.raises(Permanent, match=r"queue-declared-differently queue=s4\.notifier\.retry\.1s"):
        await bus.consuming()


async def test_a_relay_that_finds_them_stops_too(bus: Bus) -> None:
    await bus.declare("s4.notifier", {"x-queue-type": "classic"})
    await bus.emit(1)
    with pytest.raises(Permanent, match=r"queue-declared-differently queue=s4\.notifier"):
        await bus.relaying()


async def test_two_handlers_of_one_event_succeed_or_fail_together(bus: Bus) -> None:
    event = an_invite()
    sometimes = Sometimes(event.request_id, error=Temporary("second-fails"))
    before = put_off("second-fails")
    routes = [on(InviteRequested, note), on(InviteRequested, sometimes.handle)]
    async with running(consume("notifier", routes, bus.receiver, bus.amqp_url)):
        await bus.listening()
        await bus.publish(a_message(event))
        await until(lambda: put_off("second-fails") > before, within=10, what="put off")
        assert await bus.effects() == {}
        sometimes.failing.clear()
        await until(lambda: had_two_effects(bus, event.request_id), within=10, what="both effects")


async def has_one(bus: Bus, queue: str) -> bool:
    return await bus.waiting(queue) == 1


async def had_two_effects(bus: Bus, request_id: str) -> bool:
    return await bus.effects() == {request_id: 2}


async def test_an_event_older_than_what_the_inbox_remembers_is_parked_and_not_handled(bus: Bus) -> None:
    old, young = (await bus.emit(1))[0], (await bus.emit(1))[0]
    age = "update outbox set created_at = now() - $1::interval where seq = (select {}(seq) from outbox)"
    await bus.sender.execute(age.format("min"), inbox.KEPT + timedelta(minutes=1))
    await bus.sender.execute(age.format("max"), inbox.KEPT - timedelta(minutes=1))
    async with running(bus.relaying(), bus.consuming()):
        await bus.each_once([young])
        assert await parked_codes(bus, 1) == ["older-than-inbox"]
    assert old not in await bus.effects()
