"""What is told of a subscription becomes one letter each, and the row is enough to write it again."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from s4_contracts import Event
from s4_contracts.billing import RefundIssued, SignupPaid, SubscriptionEnded, SubscriptionRenewed
from s4_contracts.notifier import LetterSent
from s4_contracts.provisioner import GridDeleted
from s4_notifier.news import SUBJECTS
from s4_store.testing import emitted
from support.news import START
from support.notifier_service import READER, Notifier


@pytest.mark.parametrize("event", SUBJECTS, ids=lambda event: event.__name__)
async def test_news_told_again_and_to_several_replicas_is_one_letter(notifier: Notifier, event: type[Event]) -> None:
    await notifier.paid()
    await notifier.furl_issued()
    await notifier.read()
    news = notifier.life.news(event)
    await notifier.told(news, news)
    await asyncio.gather(*(notifier.replica().one() for _ in range(3)))
    await notifier.told(news)
    assert len(await notifier.read()) == 2
    kinds = [told.kind for told in await emitted(notifier.pool) if isinstance(told, LetterSent)]
    assert kinds == ["welcome", SUBJECTS[event].kind]


async def test_every_renewal_has_its_receipt(notifier: Notifier) -> None:
    await notifier.paid()
    for month in range(3):
        bill = {"invoice_number": f"S4-000{month}", "period_end": START + timedelta(days=31 * month)}
        await notifier.told(notifier.life.news(SubscriptionRenewed, revision=month + 2, **bill))
    assert await notifier.read() == ["Receipt: $25 for your storage grid"] * 3


async def test_news_that_comes_before_the_address_waits_for_it(notifier: Notifier) -> None:
    await notifier.told(notifier.life.news(SubscriptionRenewed))
    assert await notifier.read() == []
    await notifier.paid()
    assert await notifier.read() == ["Receipt: $25 for your storage grid"]


async def test_a_signup_without_a_trial_is_no_news(notifier: Notifier) -> None:
    await notifier.paid()
    assert await notifier.pool.fetchval("SELECT count(*) FROM letters") == 0


async def test_a_trial_is_told_to_the_address_that_comes_with_it(notifier: Notifier) -> None:
    await notifier.told(notifier.life.news(SignupPaid))
    assert await notifier.read() == ["Your trial has begun"]


async def test_a_first_payment_whose_amount_is_told_has_its_receipt(notifier: Notifier) -> None:
    bill: dict[str, Any] = {"trial_end": None, "amount": 2500, "currency": "usd", "invoice_number": "S4-0001"}
    event = notifier.life.news(SignupPaid, **bill)
    await notifier.told(event, event)
    assert await notifier.read() == ["Receipt: $25 for your storage grid"]


async def test_a_grid_that_was_never_ready_is_deleted_without_a_word(notifier: Notifier) -> None:
    await notifier.paid()
    ended = notifier.life.news(SubscriptionEnded, revision=2, reason="not-provided", delete_after=START)
    await notifier.told(ended, notifier.life.news(RefundIssued, revision=3, reason="not-provided"))
    await notifier.told(notifier.life.news(GridDeleted))
    assert sorted(await notifier.read()) == [
        "We could not set up your grid: you get $25 back",
        "Your subscription has ended, because we could not set up your grid",
    ]


async def test_news_taken_twice_is_the_same_letter(notifier: Notifier) -> None:
    """Killed between the server's 250 and our commit."""
    await notifier.paid()
    await notifier.told(notifier.life.news(SubscriptionRenewed))
    await notifier.read()
    await notifier.pool.execute("UPDATE letters SET state = 'owed', due_at = $1, lease_token = NULL", START)
    await notifier.read()
    first, second = await notifier.sink.letters(READER)
    assert first["message_id"] == second["message_id"]
    assert (first["text"], first["html"]) == (second["text"], second["html"])
    assert len(await emitted(notifier.pool)) == 1


async def test_a_letter_that_the_release_before_laid_out_is_sent(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.pool.execute(
        "INSERT INTO letters (letter_id, account_id, kind, grid_id, claim_ref, issued_at, due_at)"
        " VALUES ('0190', $1, 'welcome', $2, $3, $4, $4)",
        notifier.account,
        notifier.grid,
        f"{notifier.grid}:1",
        START,
    )
    assert await notifier.read() == ["Your storage grid is ready"]


async def test_a_letter_that_a_later_release_laid_out_waits_for_it_and_stops_no_other(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(notifier.life.news(SubscriptionRenewed))
    await notifier.pool.execute(
        "INSERT INTO letters (letter_id, account_id, kind, issued_at, due_at) VALUES ('0190', $1, 'postcard', $2, $2)",
        notifier.account,
        START,
    )
    assert await notifier.read() == ["Receipt: $25 for your storage grid"]
    waiting = await notifier.pool.fetchrow(
        "SELECT state, due_at > $1 AS is_later FROM letters WHERE kind = 'postcard'", START
    )
    assert waiting is not None
    assert (waiting["state"], waiting["is_later"]) == ("owed", True)


async def test_what_we_tell_of_a_letter_says_nothing_of_its_words(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(notifier.life.news(SubscriptionRenewed))
    await notifier.read()
    (sent,) = await emitted(notifier.pool)
    assert set(msgspec.structs.asdict(sent)) == {"occurred_at", "account_id", "letter_id", "kind"}
