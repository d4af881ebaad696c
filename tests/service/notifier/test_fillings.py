"""A grid that fills up is written about once at each mark, and again only when it had fallen well below."""

from datetime import timedelta
from itertools import permutations

import msgspec

from s4_contracts.billing import SubscriptionEnded
from s4_contracts.provisioner import UsageMeasured
from s4_store.testing import emitted
from support.news import START
from support.notifier_service import READER, Notifier
from support.room import a_measurement

FULL = "Your storage grid is full"
GB = 10**9
HOUR = timedelta(hours=1)


def nearly(percent: int) -> str:
    return f"Your storage grid is {percent}% full"


def measured(notifier: Notifier, percent: float, hours: int = 0, quota: int | None = 250 * GB) -> UsageMeasured:
    """So much of the quota, at that hour."""
    stored = round(250 * GB * percent / 100)
    ids = (notifier.account, notifier.life.signup)
    return a_measurement(START + hours * HOUR, *ids, stored, quota=quota, grid=notifier.grid)


async def subjects_of(notifier: Notifier, *percents: float) -> list[str]:
    """The letters after one measurement after the other."""
    await notifier.paid()
    for hours, percent in enumerate(percents):
        await notifier.told(measured(notifier, percent, hours))
        await notifier.read()
    return await notifier.read()


async def test_below_the_first_mark_nothing_is_written(notifier: Notifier) -> None:
    assert await subjects_of(notifier, 0, 50, 79.9) == []


async def test_each_mark_is_told_once(notifier: Notifier) -> None:
    assert await subjects_of(notifier, 80, 85, 99, 100, 100, 120) == [nearly(80), FULL]


async def test_who_fills_it_in_one_go_reads_only_that_it_is_full(notifier: Notifier) -> None:
    assert await subjects_of(notifier, 10, 101, 101) == [FULL]


async def test_a_little_less_and_more_again_is_no_news(notifier: Notifier) -> None:
    assert await subjects_of(notifier, 81, 76, 82, 100, 96, 100) == [nearly(81), FULL]


async def test_well_below_and_up_again_is_news_again(notifier: Notifier) -> None:
    told = await subjects_of(notifier, 81, 74.9, 83, 100, 94.9, 100, 50, 84)
    assert told == [nearly(81), nearly(83), FULL, FULL, nearly(84)]


async def test_a_larger_plan_begins_anew(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(measured(notifier, 100))
    assert await notifier.read() == [FULL]
    await notifier.told(measured(notifier, 100, 1, 1000 * GB), measured(notifier, 320, 2, 1000 * GB))
    assert await notifier.read() == [FULL, nearly(80)]


async def test_the_letter_says_how_much_is_stored_and_what_to_do(notifier: Notifier) -> None:
    await subjects_of(notifier, 84)
    (letter,) = await notifier.sink.letters(READER)
    for words in ("Stored: 210 GB", "Your plan holds: 250 GB", "Measured: 1 March 2026, 12:00 UTC", "a larger plan"):
        assert words in letter["text"]
    assert "https://s4.example/account" in letter["text"]
    await notifier.told(measured(notifier, 120, 1))
    await notifier.read()
    assert "More is stored than your plan allows, by about 50 GB." in (await notifier.sink.letters(READER))[0]["text"]


async def test_without_a_quota_nothing_fills_up(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(measured(notifier, 100, quota=None), measured(notifier, 100, 1, quota=0))
    assert await notifier.read() == []


async def test_an_older_measurement_heard_late_changes_nothing(notifier: Notifier) -> None:
    await notifier.paid()
    told = [measured(notifier, 50, 0), measured(notifier, 82, 1), measured(notifier, 60, 2)]
    for order in permutations(told):
        await notifier.pool.execute("DELETE FROM fillings")
        await notifier.pool.execute("DELETE FROM letters")
        await notifier.told(*(told[told.index(event)] for event in order))
        assert await notifier.read() == []  # by now it is well below


async def test_a_letter_that_is_not_so_any_more_when_it_could_be_sent_is_not_sent(notifier: Notifier) -> None:
    await notifier.paid()
    notifier.configure(smtp_port=1)
    await notifier.told(measured(notifier, 85), measured(notifier, 100, 1))
    assert await notifier.read() == []
    notifier.configure(smtp_port=notifier.sink.port)
    await notifier.clock.advance(HOUR)
    assert await notifier.read() == [FULL]


async def test_the_same_measurement_twice_is_one_letter_that_tells_nothing_of_itself(notifier: Notifier) -> None:
    await notifier.paid()
    event = measured(notifier, 85)
    await notifier.told(event, event)
    await notifier.read()
    (sent,) = await emitted(notifier.pool)
    assert set(msgspec.structs.asdict(sent)) == {"occurred_at", "account_id", "letter_id", "kind"}


async def test_whose_subscription_has_ended_is_not_warned(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(notifier.life.news(SubscriptionEnded, revision=2))
    await notifier.told(measured(notifier, 100, 1))
    assert FULL not in await notifier.read()
