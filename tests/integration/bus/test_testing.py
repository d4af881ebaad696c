"""The helper that services' tests deliver events with behaves as the consumer does."""

import pytest

from s4_bus import on
from s4_bus.testing import deliver
from s4_contracts.web import InviteRequested
from s4_runtime import Permanent, context, new_id
from s4_store import Transaction
from support.bus import Bus, note
from support.events import a_paid_signup, an_invite

ROUTES = [on(InviteRequested, note)]


async def test_an_event_has_its_effect_once(bus: Bus) -> None:
    event, event_id = an_invite(), new_id()
    assert await deliver(bus.receiver, ROUTES, event, event_id=event_id)
    assert not await deliver(bus.receiver, ROUTES, event, event_id=event_id)
    assert await bus.effects() == {event.request_id: 1}


async def test_what_the_handler_raises_is_raised_and_nothing_is_committed(bus: Bus) -> None:
    async def refuse(event: InviteRequested, tx: Transaction) -> None:
        await note(event, tx)
        raise Permanent("no-such-grid")

    event, event_id = an_invite(), new_id()
    with pytest.raises(Permanent, match="no-such-grid"):
        await deliver(bus.receiver, [on(InviteRequested, refuse)], event, event_id=event_id)
    assert await bus.effects() == {}
    assert await deliver(bus.receiver, ROUTES, event, event_id=event_id)


async def test_the_handler_knows_the_message_that_caused_it(bus: Bus) -> None:
    seen = []

    async def look(_event: InviteRequested, _tx: Transaction) -> None:
        seen.append(context.current())

    event_id = new_id()
    await deliver(bus.receiver, [on(InviteRequested, look)], an_invite(), event_id=event_id)
    assert [cause.causation_id for cause in seen] == [event_id]


async def test_an_event_without_a_route_is_a_mistake_in_the_test(bus: Bus) -> None:
    with pytest.raises(AssertionError, match=r"no route for billing\.signup-paid\.v1"):
        await deliver(bus.receiver, ROUTES, a_paid_signup())
