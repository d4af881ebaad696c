"""What operators ask for: a letter once more, or a new link to the furl."""

import asyncio
import re
from datetime import timedelta

import pytest

from s4_contracts.billing import CancellationReverted, CancellationScheduled, SubscriptionRenewed
from s4_contracts.ids import AccountId, LetterId, RequestId
from s4_contracts.support import LetterRequested, LinkRequested
from s4_contracts.web import EmailChanged, SignInRequested
from s4_runtime import new_id
from support.news import START
from support.notifier_service import READER, Notifier

HOUR = timedelta(hours=1)
RECEIPT = "Receipt: $25 for your storage grid"


async def letter_id(notifier: Notifier, kind: str) -> str:
    found: str = await notifier.pool.fetchval("SELECT letter_id FROM letters WHERE kind = $1 AND copy_of IS NULL", kind)
    return found


async def again(notifier: Notifier, kind: str, account: str | None = None) -> LetterRequested:
    return LetterRequested(
        occurred_at=START,
        account_id=AccountId(account or notifier.account),
        letter_id=LetterId(await letter_id(notifier, kind)),
        request_id=RequestId(new_id()),
    )


async def told_receipt(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(notifier.life.news(SubscriptionRenewed))
    assert await notifier.read() == [RECEIPT]


async def test_a_letter_is_sent_once_more_for_each_request_under_another_name(notifier: Notifier) -> None:
    await told_receipt(notifier)
    event = await again(notifier, "renewed")
    await notifier.told(event, event)
    await asyncio.gather(*(notifier.replica().one() for _ in range(3)))
    assert await notifier.read() == [RECEIPT] * 2
    copy, original = await notifier.sink.letters(READER)
    assert copy["message_id"] != original["message_id"]
    assert copy["headers"]["In-Reply-To"] == original["message_id"]
    assert (copy["text"], copy["html"]) == (original["text"], original["html"])


async def test_it_goes_to_the_address_that_is_known_now(notifier: Notifier) -> None:
    await told_receipt(notifier)
    changed = EmailChanged(
        occurred_at=START + HOUR, account_id=notifier.account, request_id=RequestId(new_id()), email="new@example.org"
    )
    await notifier.told(changed, await again(notifier, "renewed"))
    await notifier.read()
    assert RECEIPT in [letter["subject"] for letter in await notifier.sink.letters("new@example.org")]


async def test_its_link_is_the_one_that_the_letter_had(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.furl_issued()
    await notifier.read_after(HOUR)
    await notifier.told(await again(notifier, "welcome"))
    await notifier.read()
    copy, original = (re.findall(r"token=(\S+)", each["text"]) for each in await notifier.sink.letters(READER))
    assert copy == original


async def test_a_link_that_has_ended_is_not_sent_again(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(SignInRequested(occurred_at=START, account_id=notifier.account, request_id=RequestId(new_id())))
    await notifier.read_after(HOUR)
    await notifier.pool.execute("UPDATE letters SET state = 'sent', due_at = NULL")
    await notifier.told(await again(notifier, "sign-in"))
    assert await notifier.read() == []
    assert await notifier.pool.fetchval("SELECT state FROM letters WHERE copy_of IS NOT NULL") == "withdrawn"


async def test_news_that_is_old_by_now_is_not_told_again(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(notifier.life.news(CancellationScheduled, revision=2))
    await notifier.read()
    await notifier.told(notifier.life.news(CancellationReverted, revision=3))
    await notifier.told(await again(notifier, "cancellation-scheduled"))
    assert len(await notifier.read()) == 2


async def test_the_copy_of_a_copy_is_one_of_the_original_and_a_day_has_five(notifier: Notifier) -> None:
    await told_receipt(notifier)
    for _ in range(7):
        newest = await notifier.pool.fetchval("SELECT letter_id FROM letters ORDER BY issued_at DESC, copy_of LIMIT 1")
        asked = LetterRequested(
            occurred_at=START,
            account_id=notifier.account,
            letter_id=LetterId(newest),
            request_id=RequestId(new_id()),
        )
        await notifier.told(asked)
        await notifier.read_after(timedelta(minutes=1))
    assert len(await notifier.read()) == 6
    assert await notifier.pool.fetchval("SELECT count(DISTINCT copy_of) FROM letters") == 1
    await notifier.clock.advance(timedelta(days=1))
    await notifier.told(await again(notifier, "renewed"))
    assert len(await notifier.read()) == 7


async def test_another_accounts_letter_and_one_that_never_was_are_not_sent(notifier: Notifier) -> None:
    await told_receipt(notifier)
    unknown = LetterRequested(
        occurred_at=START,
        account_id=notifier.account,
        letter_id=LetterId(new_id()),
        request_id=RequestId(new_id()),
    )
    await notifier.told(await again(notifier, "renewed", new_id()), unknown)
    assert await notifier.read() == [RECEIPT]


async def test_a_letter_that_is_still_to_be_sent_is_not_doubled(notifier: Notifier) -> None:
    await notifier.told(notifier.life.news(SubscriptionRenewed))
    await notifier.told(await again(notifier, "renewed"))
    await notifier.paid()
    assert await notifier.read() == [RECEIPT]


async def test_an_operators_new_link_is_a_letter_with_a_token_of_its_own(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.furl_issued()
    await notifier.read_after(HOUR)
    asked = LinkRequested(
        occurred_at=START, account_id=notifier.account, grid_id=notifier.grid, request_id=RequestId(new_id())
    )
    await notifier.told(asked, asked)
    assert (await notifier.read())[1:] == ["A new link to your grid's furl"]
    new, old = (re.findall(r"token=(\S+)", each["text"]) for each in await notifier.sink.letters(READER))
    assert new != old


@pytest.mark.parametrize("wishes", [30])
async def test_of_what_people_ask_for_a_day_has_only_so_many(notifier: Notifier, wishes: int) -> None:
    await notifier.paid()
    for _ in range(wishes):
        await notifier.told(
            SignInRequested(occurred_at=START, account_id=notifier.account, request_id=RequestId(new_id()))
        )
    assert await notifier.pool.fetchval("SELECT count(*) FROM letters") == 20
    await notifier.clock.advance(timedelta(days=1))
    await notifier.told(SignInRequested(occurred_at=START, account_id=notifier.account, request_id=RequestId(new_id())))
    assert await notifier.pool.fetchval("SELECT count(*) FROM letters") == 21
