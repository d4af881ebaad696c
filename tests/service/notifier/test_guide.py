"""Letters that come by themselves: one reminder for who has no furl yet, and two checklists."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from s4_contracts import Event
from s4_contracts.billing import ServiceSuspended, SubscriptionEnded
from s4_contracts.ids import InviteId
from s4_contracts.invites import InviteClaimed, InviteOpened
from s4_contracts.provisioner import FurlIssued, GridDeleted, GridResumed, GridSuspended
from s4_contracts.web import FurlClaimed, OptionalLettersChosen
from s4_runtime import Temporary, new_id
from support.news import START
from support.notifier_service import READER, Notifier

READY, REMINDER = "Your storage grid is ready", "Your storage grid waits for you"
FIRST = "The first day with your storage grid: three things to do"
SECOND = "After a week: a second copy of your root caps, and a test"
DAY = timedelta(days=1)


async def begun(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.furl_issued()


def claimed(notifier: Notifier) -> FurlClaimed:
    return FurlClaimed(
        occurred_at=START, account_id=notifier.account, grid_id=notifier.grid, claim_ref=f"{notifier.grid}:1"
    )


def opened(notifier: Notifier, after: timedelta) -> InviteOpened:
    return InviteOpened(
        occurred_at=START + after,
        account_id=notifier.account,
        grid_id=notifier.grid,
        invite_id=InviteId(new_id()),
        expires_at=START + after + 7 * DAY,
    )


def taken(notifier: Notifier) -> InviteClaimed:
    return InviteClaimed(
        occurred_at=START + DAY,
        account_id=notifier.account,
        grid_id=notifier.grid,
        invite_id=InviteId(new_id()),
    )


async def test_who_does_nothing_gets_each_letter_in_its_time_and_once(notifier: Notifier) -> None:
    await begun(notifier)
    assert await notifier.read() == [READY]
    assert await notifier.read_after(DAY) == [READY, FIRST]
    assert await notifier.read_after(2 * DAY - timedelta(minutes=1)) == [READY, FIRST]
    assert await notifier.read_after(timedelta(minutes=1)) == [READY, FIRST, REMINDER]
    assert await notifier.read_after(4 * DAY) == [READY, FIRST, REMINDER, SECOND]
    assert await notifier.read_after(60 * DAY) == [READY, FIRST, REMINDER, SECOND]


@pytest.mark.parametrize("claim", [claimed, taken])
async def test_who_has_the_furl_or_whose_client_has_it_is_not_reminded(
    notifier: Notifier, claim: Callable[[Notifier], Event]
) -> None:
    await begun(notifier)
    await notifier.read()
    await notifier.told(claim(notifier))
    assert await notifier.read_after(8 * DAY) == [READY, FIRST, SECOND]


async def test_a_claim_that_is_heard_before_the_furl_counts(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(claimed(notifier))
    await notifier.furl_issued()
    assert REMINDER not in await notifier.read_after(4 * DAY)


async def test_who_has_just_opened_an_invite_has_three_days_to_use_it(notifier: Notifier) -> None:
    await begun(notifier)
    await notifier.clock.advance(2 * DAY)
    await notifier.told(opened(notifier, 2 * DAY))
    assert REMINDER not in await notifier.read_after(2 * DAY)
    assert REMINDER in await notifier.read_after(DAY)
    await notifier.told(opened(notifier, 6 * DAY))
    assert (await notifier.read_after(10 * DAY)).count(REMINDER) == 1


async def test_an_invite_of_a_furl_that_was_not_announced_here_yet_is_put_off(notifier: Notifier) -> None:
    with pytest.raises(Temporary, match="furl-not-announced-yet"):
        await notifier.told(opened(notifier, DAY))


async def test_the_reminder_leads_to_the_newest_furl(notifier: Notifier) -> None:
    await begun(notifier)
    newer = FurlIssued(
        occurred_at=START + DAY,
        account_id=notifier.account,
        signup_id=notifier.life.signup,
        grid_id=notifier.grid,
        claim_ref=f"{notifier.grid}:2",
    )
    await notifier.told(newer)
    assert (await notifier.read_after(4 * DAY)).count(REMINDER) == 1
    ref = await notifier.pool.fetchval("SELECT claim_ref FROM letters WHERE kind = 'reminder'")
    assert ref == f"{notifier.grid}:2"


async def test_the_reminders_link_shows_the_furl(notifier: Notifier) -> None:
    await begun(notifier)
    await notifier.read_after(3 * DAY)
    [letter] = [one for one in await notifier.sink.letters(READER) if one["subject"] == REMINDER]
    assert "https://s4.example/claim?token=" in letter["text"]
    assert "11 March 2026, 12:00 UTC" in letter["text"]  # a week from the day of the letter


@pytest.mark.parametrize(
    ("events", "letters"),
    [
        ([ServiceSuspended], []),
        ([GridSuspended], []),
        ([SubscriptionEnded], []),
        ([GridDeleted], []),
        ([ServiceSuspended, GridResumed], [FIRST]),
        ([GridSuspended, GridResumed], [FIRST]),
        ([GridResumed, GridSuspended], []),
    ],
)
async def test_grids_that_are_not_served_are_not_spoken_of(
    notifier: Notifier, events: list[type[Event]], letters: list[str]
) -> None:
    await begun(notifier)
    for hours, event in enumerate(events):
        await notifier.told(notifier.life.news(event, occurred_at=START + timedelta(hours=hours)))
    assert [letter for letter in await notifier.read_after(DAY) if letter in {FIRST, REMINDER}] == letters


async def test_the_end_of_a_second_subscription_that_was_a_mistake_changes_nothing(notifier: Notifier) -> None:
    await begun(notifier)
    await notifier.told(notifier.life.news(SubscriptionEnded, reason="duplicate"))
    assert FIRST in await notifier.read_after(DAY)


async def test_who_wants_no_such_letters_gets_none_and_who_wants_them_again_gets_the_next(notifier: Notifier) -> None:
    await begun(notifier)
    for hour, wanted in ((1, False), (0, True)):  # the older choice is heard last, and does not count
        chosen = OptionalLettersChosen(
            occurred_at=START + timedelta(hours=hour), account_id=notifier.account, wanted=wanted
        )
        await notifier.told(chosen)
    assert await notifier.read_after(4 * DAY) == [READY]
    await notifier.told(OptionalLettersChosen(occurred_at=START + DAY, account_id=notifier.account, wanted=True))
    assert await notifier.read_after(3 * DAY) == [READY, SECOND]


async def test_told_twice_and_sent_by_several_replicas_each_is_one_letter(notifier: Notifier) -> None:
    await begun(notifier)
    await begun(notifier)
    await notifier.clock.advance(7 * DAY - timedelta(minutes=1))
    await asyncio.gather(*(notifier.replica().one() for _ in range(4)))
    await notifier.clock.advance(timedelta(minutes=1))
    await asyncio.gather(*(notifier.replica().one() for _ in range(4)))
    assert sorted(await notifier.read()) == sorted([READY, FIRST, REMINDER, SECOND])
    await begun(notifier)
    assert len(await notifier.read()) == 4


async def test_a_reminder_that_a_replica_died_with_is_the_same_letter(notifier: Notifier) -> None:
    await begun(notifier)
    await notifier.read_after(3 * DAY)
    await notifier.pool.execute("UPDATE letters SET state = 'owed', due_at = $1 WHERE kind = 'reminder'", START)
    await notifier.read()
    again, first = [one for one in await notifier.sink.letters(READER) if one["subject"] == REMINDER]
    assert (again["message_id"], again["text"], again["html"]) == (first["message_id"], first["text"], first["html"])


async def test_the_times_are_settings(notifier: Notifier) -> None:
    notifier.configure(reminder_after=timedelta(hours=1), first_checklist_after=timedelta(hours=2))
    await begun(notifier)
    assert await notifier.read_after(timedelta(hours=1)) == [READY, REMINDER]
    assert await notifier.read_after(timedelta(hours=1)) == [READY, REMINDER, FIRST]
