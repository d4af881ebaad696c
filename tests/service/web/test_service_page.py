"""The page that says whether the service works, and the same for programs."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from s4_contracts.ids import LetterId
from s4_contracts.notifier import LetterBounced, LetterSent
from s4_contracts.provisioner import GridProved, GridSuspended
from s4_runtime import ServiceClient, new_id
from s4_web.billing_client import Billing
from s4_web.service import words
from s4_web.service.facts import Facts
from s4_web.service.tally import by_day
from s4_web.service.watch import look
from support.outages import lost, recovered
from support.room import a_report
from support.web_peers import Browser
from support.web_site import Buyer, RunningSite


async def told(browser: Browser) -> dict[str, Any]:
    page = await browser.get("/service.json")
    assert page.status == 200
    found: dict[str, Any] = json.loads(page.text)
    return found


async def part(site: RunningSite, browser: Browser, name: str) -> tuple[str, str]:
    """How it stands after what was kept for a moment is old."""
    await site.later(seconds=20)
    found = (await told(browser))["parts"][name]
    return found["state"], found["words"]


def proved(buyer: Buyer, at: datetime) -> GridProved:
    ids: dict[str, Any] = {"account_id": buyer.account_id, "signup_id": buyer.signup_id, "grid_id": buyer.grid_id}
    return GridProved(**ids, proved_at=at, seconds=1.5, occurred_at=at)


async def owners(site: RunningSite, many: int) -> list[Buyer]:
    found = []
    for _ in range(many):
        buyer = Buyer(site, new_id(), new_id())
        await buyer.gets_a_grid()
        found.append(buyer)
    return found


async def test_a_site_that_has_heard_nothing_says_so(site: RunningSite, browser: Browser) -> None:
    found = await told(browser)
    assert found["parts"]["payment"] == {"state": "well", "words": "Payments can be made."}
    assert {found["parts"][name]["state"] for name in ("making", "grids", "letters")} == {"unknown"}
    assert found["usual_seconds"] is None
    assert len(found["days"]) == 30
    assert found["days"][0]["day"] == "2026-03-01"
    assert (await browser.get("/service")).heading == "All that we know of is well"


async def test_silent_billing_is_told_within_seconds_and_its_return_too(site: RunningSite, browser: Browser) -> None:
    site.billing.is_down = True
    await site.later(minutes=1)
    assert (await part(site, browser, "payment"))[0] == "down"
    assert (await browser.get("/service")).heading == "Something does not work right now"
    site.billing.is_down = False
    assert (await part(site, browser, "payment"))[0] == "well"
    site.billing.is_open = False
    await site.later(minutes=1)
    assert await part(site, browser, "payment") == ("trouble", "Signups are closed for the moment.")


async def test_however_many_ask_the_others_are_asked_once(site: RunningSite, browser: Browser) -> None:
    for _ in range(5):
        await browser.get("/service")
    assert len(site.billing.bodies("/plans")) == 1


async def test_what_pools_say_of_making_grids_is_believed_for_a_while(site: RunningSite, browser: Browser) -> None:
    await site.hears(a_report(site.clock.now(), "personal", can_build=True))
    assert await part(site, browser, "making") == ("well", "Grids are being made.")
    await site.hears(a_report(site.clock.now(), "studio", pool="large"))
    assert (await part(site, browser, "making"))[0] == "trouble"
    await site.later(minutes=1)
    await site.hears(a_report(site.clock.now(), "personal"))
    assert (await part(site, browser, "making"))[0] == "down"
    await site.later(hours=4)
    assert (await part(site, browser, "making"))[0] == "unknown"


async def test_a_grid_that_takes_long_is_trouble_until_it_is_ready_or_given_up(
    site: RunningSite, browser: Browser
) -> None:
    buyer = Buyer(site, new_id(), new_id())
    await site.hears(a_report(site.clock.now(), "personal", can_build=True), buyer.paid())
    assert (await part(site, browser, "making"))[0] == "well"
    await site.later(minutes=20)
    assert (await part(site, browser, "making"))[0] == "trouble"
    await site.hears(buyer.failed(final=True))
    assert (await part(site, browser, "making"))[0] == "well"


async def test_the_usual_time_is_told_once_there_are_enough_grids_to_hide_each(
    site: RunningSite, browser: Browser
) -> None:
    buyers = [Buyer(site, new_id(), new_id()) for _ in range(5)]
    await site.hears(*(buyer.paid() for buyer in buyers))
    await site.later(seconds=90)
    await site.hears(*(buyer.ready() for buyer in buyers[:4]))
    assert "Too few grids" in (await browser.get("/service")).text
    await site.hears(buyers[4].ready())
    await site.later(seconds=20)
    assert (await told(browser))["usual_seconds"] == pytest.approx(90)
    assert "half were ready within 1 min 30 s" in (await browser.get("/service")).text
    await site.later(days=8)
    assert (await told(browser))["usual_seconds"] is None


async def test_grids_that_are_away_are_told_in_words_without_a_number_or_a_name(
    site: RunningSite, browser: Browser
) -> None:
    buyers = await owners(site, 6)
    assert await part(site, browser, "grids") == ("well", "No grid is known to be away.")
    await site.hears(lost(buyers[0], site.clock.now()))
    state, told_words = await part(site, browser, "grids")
    assert state == "trouble"
    assert not any(letter.isdigit() for letter in told_words)
    await site.hears(*(lost(buyer, site.clock.now()) for buyer in buyers[1:5]))
    assert (await part(site, browser, "grids"))[0] == "down"
    page = (await browser.get("/service")).text + json.dumps(await told(browser))
    for buyer in buyers:
        assert not {buyer.grid_id, buyer.account_id, buyer.signup_id} & set(page.split('"'))
    await site.hears(*(recovered(buyer, site.clock.now(), 60) for buyer in buyers[:5]))
    assert (await part(site, browser, "grids"))[0] == "well"


async def test_a_grid_that_its_owner_does_not_pay_for_is_not_away(site: RunningSite, browser: Browser) -> None:
    (buyer,) = await owners(site, 1)
    now = site.clock.now()
    ids: dict[str, Any] = {"account_id": buyer.account_id, "signup_id": buyer.signup_id, "grid_id": buyer.grid_id}
    await site.hears(lost(buyer, now), GridSuspended(**ids, occurred_at=now))
    assert (await part(site, browser, "grids"))[0] == "well"


async def test_grids_that_nobody_has_heard_of_for_days_are_not_called_well(site: RunningSite, browser: Browser) -> None:
    (buyer,) = await owners(site, 1)
    await site.later(days=3)
    assert (await part(site, browser, "grids"))[0] == "unknown"
    await site.hears(proved(buyer, site.clock.now()))
    assert (await part(site, browser, "grids"))[0] == "well"


def a_letter(site: RunningSite, kind: str, *, bounced: bool = False) -> LetterSent | LetterBounced:
    (buyer, now) = (Buyer(site, new_id(), new_id()), site.clock.now())
    ids: dict[str, Any] = {"account_id": buyer.account_id, "letter_id": LetterId(new_id()), "kind": kind}
    return LetterBounced(**ids, code="550", occurred_at=now) if bounced else LetterSent(**ids, occurred_at=now)


async def test_letters_are_told_by_the_share_that_came_back(site: RunningSite, browser: Browser) -> None:
    await site.hears(*(a_letter(site, "renewed") for _ in range(4)))
    assert (await part(site, browser, "letters"))[0] == "unknown"
    await site.hears(*(a_letter(site, "renewed") for _ in range(15)))
    assert await part(site, browser, "letters") == (
        "well",
        "Letters leave, and none came back in the last two days.",
    )
    await site.hears(*(a_letter(site, "renewed", bounced=True) for _ in range(6)))
    state, told_words = await part(site, browser, "letters")
    assert (state, "24 % came back" in told_words) == ("trouble", True)


async def test_asking_for_a_link_to_sign_in_leaves_no_trace_on_the_page(site: RunningSite, browser: Browser) -> None:
    """Otherwise whoever asks for one could see there whether the address has an account."""
    before = await site.pool.fetch("SELECT * FROM service_days")
    await site.hears(*(a_letter(site, "sign-in") for _ in range(50)), a_letter(site, "sign-in", bounced=True))
    assert await site.pool.fetch("SELECT * FROM service_days") == before
    assert (await part(site, browser, "letters"))[0] == "unknown"


async def test_an_outage_over_midnight_marks_both_days(site: RunningSite, browser: Browser) -> None:
    (buyer,) = await owners(site, 1)
    back_at = datetime(2026, 3, 1, 0, 10, tzinfo=UTC)
    await site.hears(recovered(buyer, back_at, 1200))
    days = {day["day"]: day["grids"] for day in (await told(browser))["days"]}
    assert (days["2026-03-01"], days["2026-02-28"], days["2026-02-27"]) == ("trouble", "trouble", "unknown")


def test_seconds_are_given_to_the_days_that_they_were_on() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert [*by_day(noon, noon + timedelta(days=2))] == [
        (date(2026, 3, 1), 43200.0),
        (date(2026, 3, 2), 86400.0),
        (date(2026, 3, 3), 43200.0),
    ]
    assert [*by_day(noon, noon)] == []


async def test_what_became_of_each_question_to_billing_is_kept(site: RunningSite, browser: Browser) -> None:
    client = ServiceClient("billing", site.billing.url, site.settings.billing_token, site.session)
    billing = Billing(client, site.clock, site.settings.plans_kept)
    for _ in range(3):
        await look(site.pool, billing, site.clock)
    assert (await told(browser))["days"][0]["payment"] == "well"
    site.billing.is_down = True
    await look(site.pool, billing, site.clock)
    await site.later(seconds=20)
    assert (await told(browser))["days"][0]["payment"] == "down"
    rows = {row["what"]: row["amount"] for row in await site.pool.fetch("SELECT what, amount FROM service_days")}
    assert (rows["asked"], rows["answered"]) == (4, 3)


@pytest.mark.parametrize(
    ("counted", "part", "state"),
    [
        ({"made": 3}, "making", "well"),
        ({"made": 3, "given-up": 1}, "making", "trouble"),
        ({"given-up": 1}, "making", "down"),
        ({"stumbled": 4}, "making", "unknown"),
        ({"proved": 1}, "grids", "well"),
        ({"proved": 9, "away": 60}, "grids", "trouble"),
        ({"sent": 100, "bounced": 3}, "letters", "well"),
        ({"sent": 4}, "letters", "unknown"),
        ({"sent": 4, "bounced": 6}, "letters", "down"),
        ({"asked": 1440, "answered": 1435}, "payment", "well"),
        ({"asked": 1440, "answered": 1400}, "payment", "trouble"),
    ],
)
def test_a_day_is_judged_by_what_there_was(counted: dict[str, float], part: str, state: str) -> None:
    day = date(2026, 2, 20)
    known = Facts(today=date(2026, 3, 1), days={day: counted})
    assert words.history(known, [day])[part] == [words.Day(day, state)]  # type: ignore[arg-type]  # of the list above
