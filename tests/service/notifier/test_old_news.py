"""Only the newest news of a topic is worth a letter, in whatever order it was heard."""

import itertools
from datetime import timedelta

import msgspec
import pytest

from s4_contracts import Event
from s4_contracts.billing import (
    CancellationReverted,
    CancellationScheduled,
    PaymentFailed,
    PaymentRecovered,
    PlanChanged,
    RefundIssued,
    ServiceSuspended,
    SignupPaid,
    SubscriptionEnded,
    SubscriptionRenewed,
)
from s4_contracts.ids import SubscriptionId
from s4_contracts.provisioner import GridResumed
from s4_runtime import new_id
from support.news import START
from support.notifier_service import Notifier

RECOVERED, FAILED = "Your payment of $25 went through", "Your payment of $25 did not go through"
STOPPED, RUNNING = "Your storage grid is stopped", "Your storage grid is running again"
ENDED = "Your subscription has ended"
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("older", "newer", "subject"),
    [
        (PaymentFailed, PaymentRecovered, RECOVERED),
        (PaymentFailed, ServiceSuspended, STOPPED),
        (ServiceSuspended, PaymentRecovered, RECOVERED),
        (PaymentRecovered, PaymentFailed, FAILED),
        (CancellationScheduled, CancellationReverted, "Your subscription goes on"),
        (CancellationReverted, CancellationScheduled, "Your subscription ends on 10 March 2026"),
        (SignupPaid, SubscriptionEnded, ENDED),
        (PaymentFailed, SubscriptionEnded, ENDED),
        (ServiceSuspended, SubscriptionEnded, ENDED),
        (CancellationScheduled, SubscriptionEnded, ENDED),
        (PlanChanged, SubscriptionEnded, ENDED),
    ],
)
async def test_old_news_heard_late_is_not_sent(
    notifier: Notifier, older: type[Event], newer: type[Event], subject: str
) -> None:
    await notifier.paid()
    await notifier.told(notifier.life.news(newer, revision=3))
    assert await notifier.read() == [subject]
    await notifier.told(notifier.life.news(older, revision=2))
    assert await notifier.read() == [subject]
    assert await notifier.pool.fetchval("SELECT count(*) FROM letters WHERE state = 'withdrawn'") == 1


async def test_news_that_got_old_while_the_mail_server_was_away_is_not_sent(notifier: Notifier) -> None:
    await notifier.paid()
    notifier.settings = msgspec.structs.replace(notifier.settings, smtp_port=1)
    await notifier.told(notifier.life.news(PaymentFailed, revision=2))
    assert await notifier.read() == []
    await notifier.clock.advance(HOUR)
    await notifier.told(notifier.life.news(PaymentRecovered, revision=3))
    notifier.settings = msgspec.structs.replace(notifier.settings, smtp_port=notifier.sink.port)
    assert await notifier.read() == [RECOVERED]


async def test_money_that_moved_is_told_however_late(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(notifier.life.news(SubscriptionEnded, revision=9))
    await notifier.told(
        notifier.life.news(RefundIssued, revision=3), notifier.life.news(SubscriptionRenewed, revision=2)
    )
    assert sorted(await notifier.read()) == ["Receipt: $25 for your storage grid", "You get $25 back", ENDED]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_of_a_bill_seen_late_only_what_came_of_it_is_told(notifier: Notifier, order: tuple[int, ...]) -> None:
    """Billing was away for a while, and tells all tries and their end under one revision."""
    await notifier.paid()
    news = [
        notifier.life.news(PaymentFailed, revision=2, attempt=1),
        notifier.life.news(PaymentFailed, revision=2, attempt=2),
        notifier.life.news(PaymentRecovered, revision=2),
    ]
    await notifier.told(*(news[place] for place in order))
    assert await notifier.read() == [RECOVERED]


async def test_a_late_renewal_has_one_letter_that_says_what_was_paid(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(
        notifier.life.news(SubscriptionRenewed, revision=5), notifier.life.news(PaymentRecovered, revision=5)
    )
    await notifier.told(notifier.life.news(PaymentFailed, revision=4))
    assert await notifier.read() == ["Receipt: $25 for your storage grid"]


async def test_another_subscription_of_the_account_makes_nothing_old(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(notifier.life.news(SubscriptionEnded, revision=9, reason="duplicate"))
    notifier.life.subscription = SubscriptionId(new_id())
    await notifier.told(notifier.life.news(PaymentFailed, revision=2))
    assert sorted(await notifier.read()) == ["One of your two subscriptions has ended", FAILED]


async def test_a_grid_that_runs_again_makes_the_stop_before_it_old(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(notifier.life.news(GridResumed, occurred_at=START + HOUR))
    await notifier.told(notifier.life.news(ServiceSuspended, revision=4))
    assert await notifier.read() == [RUNNING]


async def test_a_grid_that_was_stopped_again_is_not_told_to_be_running(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(notifier.life.news(ServiceSuspended, revision=6, occurred_at=START + HOUR))
    await notifier.told(notifier.life.news(GridResumed))
    assert await notifier.read() == [STOPPED]
