"""A lost machine is told with what happens now, until a client has read through the grid again."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from s4_contracts.provisioner import GridDeleted, GridResumed, GridSuspended
from support.outages import lost, recovered
from support.web_peers import ENDED, Browser
from support.web_site import RunningSite

MINUTE = timedelta(minutes=1)


async def test_the_owner_reads_what_happened_what_happens_now_and_when_it_is_back(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser)
    now = site.clock.now()
    await site.hears(lost(buyer, now))
    for path in (f"/account/{buyer.account_id}", "/status"):
        page = await browser.get(path)
        assert "The machine of your grid was lost" in page.text
        assert "1 March 2026, 12:00 UTC" in page.text
        for words in ("You need not do anything", "what you stored is safe", "with the furl that they have"):
            assert words in page.text
    assert "another machine" in (await browser.get(f"/account/{buyer.account_id}")).element("grid")
    assert (await browser.get("/status")).heading == "Your grid cannot be reached right now"
    await site.hears(recovered(buyer, now + 4 * MINUTE))
    for path in (f"/account/{buyer.account_id}", "/status"):
        page = await browser.get(path)
        assert "Your grid is back" in page.text
        assert "1 March 2026, 12:04 UTC" in page.text
        assert "could not be reached for 4 min 0 s" in page.text
        assert "was lost</h2>" not in page.text
    assert (await browser.get("/status")).heading == "Your grid is ready"


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_two_losses_and_a_recovery_of_each_end_the_same_in_any_order(
    site: RunningSite, browser: Browser, order: tuple[int, ...]
) -> None:
    buyer = await site.a_member(browser)
    now = site.clock.now()
    told = [
        lost(buyer, now),
        recovered(buyer, now + 5 * MINUTE, 300),
        lost(buyer, now + 10 * MINUTE),
        recovered(buyer, now + 12 * MINUTE, 120),
    ]
    await site.hears(*(told[place] for place in order))
    page = await browser.get("/status")
    assert ('data-outage="back"' in page.text, "for 2 min 0 s" in page.text) == (True, True)


async def test_an_old_recovery_heard_late_does_not_end_the_loss_after_it(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    now = site.clock.now()
    await site.hears(lost(buyer, now + 10 * MINUTE), recovered(buyer, now + 5 * MINUTE))
    assert 'data-outage="away"' in (await browser.get("/status")).text


async def test_a_recovery_tells_of_its_loss_too(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await site.hears(recovered(buyer, site.clock.now(), 90))
    assert "could not be reached for 1 min 30 s" in (await browser.get("/status")).text


async def test_after_a_week_it_is_no_news_any_more(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await site.hears(lost(buyer, site.clock.now()), recovered(buyer, site.clock.now() + MINUTE))
    await site.later(days=7, minutes=1)
    assert 'id="outage"' not in (await browser.get("/status")).text


async def test_a_grid_that_was_stopped_is_not_called_lost_and_one_that_was_started_again_is_back(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser)
    ids: dict[str, Any] = {"account_id": buyer.account_id, "signup_id": buyer.signup_id, "grid_id": buyer.grid_id}
    await site.hears(lost(buyer, site.clock.now()))
    await site.later(minutes=1)
    await site.hears(GridSuspended(**ids, occurred_at=site.clock.now()))
    for path in (f"/account/{buyer.account_id}", "/status"):
        assert 'id="outage"' not in (await browser.get(path)).text
    await site.later(minutes=1)
    await site.hears(GridResumed(**ids, occurred_at=site.clock.now(), proved_at=site.clock.now()))
    assert 'data-outage="back"' in (await browser.get("/status")).text


async def test_nothing_is_told_of_a_grid_that_is_gone(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    now = site.clock.now()
    ids: dict[str, Any] = {"account_id": buyer.account_id, "signup_id": buyer.signup_id, "grid_id": buyer.grid_id}
    await site.hears(lost(buyer, now), GridDeleted(**ids, occurred_at=now + MINUTE, objects=1))
    buyer.has_account(state="ended", ended=ENDED)
    for path in (f"/account/{buyer.account_id}", "/status"):
        assert 'id="outage"' not in (await browser.get(path)).text


async def test_a_browser_that_watches_hears_of_it(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await site.hears(lost(buyer, site.clock.now()), recovered(buyer, site.clock.now()))
    told = await site.pool.fetch("SELECT what FROM feed WHERE signup_id = $1 ORDER BY revision", buyer.signup_id)
    assert [row["what"] for row in told][-2:] == ["lost", "recovered"]
