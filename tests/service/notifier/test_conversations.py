"""Letters of one matter are one conversation in a mail program."""

from datetime import timedelta
from typing import Any

import pytest

from s4_contracts import Event
from s4_contracts.billing import (
    CancellationReverted,
    CancellationScheduled,
    PaymentFailed,
    PaymentRecovered,
    RefundIssued,
    ServiceSuspended,
    SubscriptionEnded,
    SubscriptionRenewed,
)
from s4_contracts.provisioner import DeletionScheduled, GridDeleted, GridResumed, GridSuspended
from support import outages
from support.news import START
from support.notifier_service import READER, Notifier

HOUR = timedelta(hours=1)
Told = tuple[type[Event], dict[str, Any]]

CONVERSATIONS: list[tuple[list[Told], list[int | None]]] = [
    (
        [
            (PaymentFailed, {"attempt": 1}),
            (PaymentFailed, {"attempt": 2}),
            (PaymentFailed, {"attempt": 3, "next_attempt_at": None}),
            (ServiceSuspended, {}),
            (PaymentRecovered, {}),
            (GridResumed, {}),
            (PaymentFailed, {"attempt": 1}),
            (PaymentRecovered, {}),
        ],
        [None, 0, 0, 0, 0, 0, None, 6],
    ),
    ([(PaymentFailed, {}), (SubscriptionEnded, {"reason": "unpaid"})], [None, 0]),
    (
        [
            (CancellationScheduled, {}),
            (CancellationReverted, {}),
            (CancellationScheduled, {}),
            (SubscriptionEnded, {}),
            (DeletionScheduled, {}),
            (DeletionScheduled, {"by_owner": False}),
            (GridDeleted, {}),
        ],
        [None, 0, None, 2, 2, 2, 2],
    ),
    ([(GridSuspended, {}), (GridResumed, {}), (GridSuspended, {}), (GridResumed, {})], [None, 0, None, 2]),
    ([(ServiceSuspended, {"reason": "disputed"}), (GridResumed, {})], [None, 0]),
    ([(SubscriptionEnded, {"reason": "not-provided"}), (RefundIssued, {"reason": "not-provided"})], [None, 0]),
    ([(SubscriptionRenewed, {}), (SubscriptionRenewed, {}), (RefundIssued, {})], [None, None, None]),
]


async def answered(notifier: Notifier) -> list[int | None]:
    """Which letter each one answers, by place, the oldest first."""
    letters = [each for each in reversed(await notifier.sink.letters(READER)) if "first day" not in each["subject"]]
    places = {letter["message_id"]: place for place, letter in enumerate(letters)}
    for letter in letters:
        assert letter["headers"].get("References") == letter["headers"].get("In-Reply-To")
    return [places.get(letter["headers"].get("In-Reply-To", "")) for letter in letters]


@pytest.mark.parametrize(("events", "answers"), CONVERSATIONS)
async def test_what_follows_answers_the_letter_that_began_it(
    notifier: Notifier, events: list[Told], answers: list[int | None]
) -> None:
    await notifier.paid()
    await notifier.furl_issued()
    await notifier.read()
    await notifier.sink.reset()
    for place, (event, facts) in enumerate(events):
        await notifier.clock.advance(HOUR)
        moment = START + (place + 1) * HOUR
        await notifier.told(notifier.life.news(event, revision=place + 1, occurred_at=moment, **facts))
        await notifier.read()
    assert await answered(notifier) == answers


async def test_an_incident_and_its_end_are_one_and_the_next_one_is_another(notifier: Notifier) -> None:
    await notifier.paid()
    notifier.configure(loss_told_after=timedelta(0))
    owner = notifier.owner()
    for day in (0, 2):
        moment = START + timedelta(days=day)
        await notifier.told(outages.lost(owner, moment))
        await notifier.read_after(HOUR)
        await notifier.told(outages.recovered(owner, moment + HOUR, 3600.0))
        await notifier.read_after(timedelta(days=2) - HOUR)
    assert await answered(notifier) == [None, 0, None, 2]


async def test_a_conversation_whose_beginning_was_never_sent_begins_with_the_next(notifier: Notifier) -> None:
    await notifier.paid()
    notifier.configure(smtp_port=1)
    await notifier.told(notifier.life.news(CancellationScheduled, revision=1))
    await notifier.read()
    await notifier.clock.advance(HOUR)
    await notifier.told(notifier.life.news(CancellationReverted, revision=2))
    notifier.configure(smtp_port=notifier.sink.port)
    await notifier.read()
    assert await answered(notifier) == [None]


async def test_another_persons_matter_is_not_answered(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(notifier.life.news(PaymentFailed, revision=1))
    await notifier.read_after(HOUR)
    notifier.life = type(notifier.life)()
    notifier.life.account = notifier.account
    await notifier.told(notifier.life.news(PaymentRecovered, revision=2, occurred_at=START + HOUR))
    await notifier.read()
    assert await answered(notifier) == [None, None]
