"""Who is written to when a machine is lost: only those who had time to notice."""

from datetime import timedelta
from itertools import permutations

import msgspec
import pytest

from s4_contracts.billing import ServiceSuspended, SubscriptionEnded
from s4_contracts.ids import GridId
from s4_contracts.provisioner import GridDeleted, InstanceLost, InstanceRecovered
from s4_runtime import new_id
from support import outages
from support.news import START
from support.notifier_service import READER, Notifier

AWAY, BACK = "Your storage grid cannot be reached right now", "Your storage grid is back"
MINUTE = timedelta(minutes=1)


def lost(notifier: Notifier, after: timedelta = timedelta()) -> InstanceLost:
    return outages.lost(notifier.owner(), START + after)


def recovered(notifier: Notifier, after: timedelta, seconds: float) -> InstanceRecovered:
    return outages.recovered(notifier.owner(), START + after, seconds)


async def read_after(notifier: Notifier, time: timedelta) -> list[str]:
    await notifier.clock.advance(time)
    return await notifier.read()


async def test_a_short_outage_is_not_written_about(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(lost(notifier), recovered(notifier, 15 * MINUTE, 900.0))
    assert await notifier.read() == []
    assert await read_after(notifier, timedelta(hours=2)) == []


async def test_a_long_outage_is_told_when_it_is_over(notifier: Notifier) -> None:
    await notifier.paid()
    back = recovered(notifier, 16 * MINUTE, 960.4)
    await notifier.told(lost(notifier), back, back)
    assert await notifier.read() == [BACK]
    (letter,) = await notifier.sink.letters(READER)
    for words in ("Back since: 1 March 2026, 12:16 UTC", "Not to be reached for: 16 minutes", "the one that you have"):
        assert words in letter["text"]
    assert await read_after(notifier, timedelta(hours=2)) == [BACK]


async def test_an_outage_that_lasts_an_hour_is_told_once_and_so_is_its_end(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(lost(notifier))
    assert await read_after(notifier, 59 * MINUTE) == []
    assert await read_after(notifier, MINUTE) == [AWAY]
    (letter,) = await notifier.sink.letters(READER)
    assert "What you stored is safe" in letter["text"]
    assert "Lost: 1 March 2026, 12:00 UTC" in letter["text"]
    await notifier.told(recovered(notifier, 65 * MINUTE, 3900.0))
    assert await notifier.read() == [AWAY, BACK]
    assert "1 hour 5 minutes" in (await notifier.sink.letters(READER))[0]["text"]


async def test_an_address_that_is_learned_does_not_hurry_the_letter(notifier: Notifier) -> None:
    await notifier.told(lost(notifier))
    await notifier.paid()
    assert await notifier.read() == []
    assert await read_after(notifier, timedelta(hours=1)) == [AWAY]


async def test_a_loss_that_is_heard_after_its_recovery_is_no_news(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(recovered(notifier, 5 * MINUTE, 300.0), lost(notifier))
    assert await read_after(notifier, timedelta(hours=2)) == []
    assert await notifier.pool.fetchval("SELECT state FROM letters WHERE kind = 'lost'") == "withdrawn"


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_of_several_losses_in_a_row_one_letter_tells_in_any_order(
    notifier: Notifier, order: tuple[int, ...]
) -> None:
    await notifier.paid()
    told = [lost(notifier), lost(notifier, 20 * MINUTE), lost(notifier, 40 * MINUTE)]
    await notifier.told(*(told[place] for place in order))
    assert await read_after(notifier, timedelta(hours=2)) == [AWAY]


async def test_a_loss_after_a_recovery_is_told_even_if_that_recovery_was_heard_late(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(lost(notifier), lost(notifier, 20 * MINUTE), recovered(notifier, 10 * MINUTE, 600.0))
    assert await read_after(notifier, 70 * MINUTE) == []
    assert await read_after(notifier, 10 * MINUTE) == [AWAY]


async def test_a_grid_that_comes_and_goes_is_written_about_once_a_day(notifier: Notifier) -> None:
    await notifier.paid()
    for hours in (1, 5, 9, 24):
        await notifier.told(recovered(notifier, timedelta(hours=hours), 1000.0))
        assert await notifier.read() == [BACK]
    await notifier.told(recovered(notifier, timedelta(hours=25), 1000.0))
    assert await notifier.read() == [BACK, BACK]


async def test_the_limit_of_one_grid_is_not_anothers(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.told(recovered(notifier, MINUTE, 1000.0))
    notifier.grid = GridId(new_id())
    await notifier.told(recovered(notifier, MINUTE, 1000.0))
    assert await notifier.read() == [BACK, BACK]


async def test_a_recovery_that_could_not_be_sent_before_the_next_loss_is_not_sent(notifier: Notifier) -> None:
    await notifier.paid()
    notifier.settings = msgspec.structs.replace(notifier.settings, smtp_port=1)
    await notifier.told(recovered(notifier, 20 * MINUTE, 1200.0))
    assert await notifier.read() == []
    await notifier.told(lost(notifier, 30 * MINUTE))
    notifier.settings = msgspec.structs.replace(notifier.settings, smtp_port=notifier.sink.port)
    assert await read_after(notifier, timedelta(hours=2)) == [AWAY]


@pytest.mark.parametrize("event", [ServiceSuspended, SubscriptionEnded, GridDeleted])
async def test_a_grid_that_is_not_to_be_served_any_more_is_not_missed(notifier: Notifier, event: type) -> None:
    await notifier.paid()
    await notifier.furl_issued()
    await notifier.told(lost(notifier), notifier.life.news(event, occurred_at=START + 10 * MINUTE))
    assert AWAY not in await read_after(notifier, timedelta(hours=2))


async def test_both_times_are_settings(notifier: Notifier) -> None:
    await notifier.paid()
    notifier.configure(outage_told_from=timedelta(0), loss_told_after=timedelta(minutes=5))
    await notifier.told(lost(notifier))
    assert await read_after(notifier, 5 * MINUTE) == [AWAY]
    await notifier.told(recovered(notifier, 6 * MINUTE, 360.0))
    assert await notifier.read() == [AWAY, BACK]
