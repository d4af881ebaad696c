from datetime import timedelta
from typing import Any

import pytest
from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from s4_bus import envelope, on
from s4_bus.envelope import ATTEMPTS, CODE, Unreadable
from s4_bus.routes import by_type
from s4_contracts import encode
from s4_contracts.web import InviteRequested
from s4_runtime import new_id
from s4_store import Transaction
from support.events import an_invite

EVENT = an_invite()
INVITE = "web.invite-requested.v1"


async def ignore(_event: InviteRequested, _tx: Transaction) -> None: ...


ROUTES = by_type([on(InviteRequested, ignore)])


def message(body: bytes | None = None, **properties: Any) -> DeliveredMessage:
    shape: dict[str, Any] = {"message_id": new_id(), "message_type": INVITE, "headers": {}} | properties
    return DeliveredMessage(
        delivery=Basic.Deliver(delivery_tag=1),
        header=ContentHeader(properties=Basic.Properties(**shape)),
        body=encode(EVENT) if body is None else body,
        channel=None,  # type: ignore[arg-type]  # nothing here writes
    )


def test_a_message_is_read_with_its_story() -> None:
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    found = message(headers={"X-Correlation-Id": "story-1", "traceparent": trace})
    arrival = envelope.read(found, ROUTES)
    assert arrival.event == EVENT
    assert arrival.id == found.header.properties.message_id
    assert (arrival.cause.correlation_id, arrival.cause.causation_id) == ("story-1", arrival.id)
    assert arrival.cause.traceparent == trace


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (message(message_type="web.invite-requested.v2"), "unknown-event"),
        (message(message_type=None), "unknown-event"),
        (message(b"not json"), "malformed-event"),
        (message(b"{}"), "malformed-event"),
        (message(b"\xff\xfe"), "malformed-event"),
        (message(message_id="1"), "malformed-id"),
        (message(message_id=None), "malformed-id"),
    ],
)
def test_what_cannot_be_read_says_why_in_one_word(wrong: DeliveredMessage, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        envelope.read(wrong, ROUTES)
    assert str(refused.value) == code


@pytest.mark.parametrize("odd", [None, {}, {ATTEMPTS: "many"}])
def test_a_message_without_a_count_is_at_its_first_attempt(odd: dict[str, Any] | None) -> None:
    assert envelope.attempts_of(message(headers=odd)) == 0


def test_a_message_that_somebody_failed_to_settle_is_a_suspect() -> None:
    assert envelope.is_suspect(message(headers={"x-delivery-count": 1}))
    assert not envelope.is_suspect(message(headers={"x-delivery-count": 0}))
    assert not envelope.is_suspect(message(headers=None))


def test_on_the_way_to_another_queue_only_our_own_headers_are_kept() -> None:
    headers = {"X-Correlation-Id": "story-1", "x-death": [], "x-delivery-count": 3, ATTEMPTS: 1}
    changed = envelope.again(message(headers=headers), {ATTEMPTS: 2, CODE: "why"}, expiration=timedelta(seconds=1.5))
    assert changed.headers == {"X-Correlation-Id": "story-1", ATTEMPTS: 2, CODE: "why"}
    assert changed.properties.expiration == "1500"
    assert changed.type == INVITE
    assert changed.body == encode(EVENT)


def test_a_log_shows_known_types_and_ids_of_the_right_form_only() -> None:
    good = message()
    assert envelope.described(good, ROUTES) == {"type": INVITE, "event_id": good.header.properties.message_id}
    bad = message(message_type="pb://secret", message_id="pb://secret")
    assert envelope.described(bad, ROUTES) == {"type": "unknown", "event_id": "unreadable"}
    assert envelope.cause_of(bad).causation_id is None


def test_several_handlers_of_one_event_keep_their_order() -> None:
    async def second(_event: InviteRequested, _tx: Transaction) -> None: ...

    (routes,) = by_type([on(InviteRequested, ignore), on(InviteRequested, second)]).values()
    assert [route.handler for route in routes] == [ignore, second]
