"""A pause is the owner's alone, is wanted once however often it is asked for, and says that it is paid for."""

import asyncio

import pytest

from s4_contracts.web import PauseChosen
from s4_runtime import new_id
from support.web_changes import another_grid, deleted, has_left, resumed, send, stopped, told
from support.web_peers import Browser
from support.web_site import RunningSite


async def test_the_page_says_first_that_a_pause_is_paid_for(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    assert f'href="/account/{buyer.account_id}/pause"' in (await browser.get(f"/account/{buyer.account_id}")).text
    page = await browser.get(f"/account/{buyer.account_id}/pause")
    assert (page.status, page.heading) == (200, "Pause your grid")
    assert "A pause costs as much as no pause" in page.text
    assert await told(site, PauseChosen) == []


async def test_a_pause_is_told_and_shown_from_the_wish_to_the_end(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    place = f"/account/{buyer.account_id}"
    sent = await send(browser, buyer, "pause")
    assert (sent.status, sent.place) == (303, f"{place}?done=paused#leave-title")
    (chosen,) = await told(site, PauseChosen)
    assert (chosen.account_id, chosen.grid_id) == (buyer.account_id, buyer.grid_id)
    assert (chosen.paused, chosen.revision) == (True, 1)
    assert "Your grid is being paused" in (await browser.get(place)).text
    await site.hears(stopped(site, buyer))
    page = await browser.get(place)
    assert "Your grid is paused, because you wanted it so" in page.text
    assert "paid for as before" in page.text
    assert (await browser.get(f"{place}/pause")).heading == "Your grid is paused"
    await site.later(minutes=1)
    assert (await send(browser, buyer, "unpause")).status == 303
    assert "Your pause is over: your grid is being started again" in (await browser.get(place)).text
    await site.later(minutes=1)
    await site.hears(resumed(site, buyer))
    assert 'id="pause"' in (await browser.get(place)).text
    assert [(event.paused, event.revision) for event in await told(site, PauseChosen)] == [(True, 1), (False, 2)]


async def test_a_double_click_is_one_wish_and_each_change_of_mind_a_higher_revision(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser)
    for what in ("pause", "unpause", "pause"):
        pages = await asyncio.gather(*(send(browser, buyer, what) for _ in range(3)))
        assert {page.status for page in pages} == {303}
    found = [(event.paused, event.revision) for event in await told(site, PauseChosen)]
    assert found == [(True, 1), (False, 2), (True, 3)]


async def test_to_end_a_pause_that_nobody_began_is_no_wish(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    assert (await send(browser, buyer, "unpause")).status == 303
    assert await told(site, PauseChosen) == []


async def test_a_grid_that_is_stopped_for_another_reason_is_not_said_to_come_back(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser)
    await site.hears(stopped(site, buyer, "billing"))
    page = await browser.get(f"/account/{buyer.account_id}")
    assert "Your pause is over" not in page.text


async def test_a_pause_needs_no_billing_and_is_not_lost(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    site.billing.is_down = site.provisioner.is_down = True
    assert (await send(browser, buyer, "pause")).status == 303
    assert len(await told(site, PauseChosen)) == 1
    assert "is being paused" in (await browser.get(f"/account/{buyer.account_id}")).text


@pytest.mark.parametrize("what", ["pause", "unpause"])
async def test_what_has_ended_or_was_never_made_is_not_paused(site: RunningSite, browser: Browser, what: str) -> None:
    buyer = await site.a_member(browser)
    has_left(buyer)
    page = await send(browser, buyer, what)
    assert (page.status, page.heading) == (409, "Your subscription has ended already")
    buyer.has_account()
    await site.hears(deleted(site, buyer))
    page = await send(browser, buyer, what)
    assert (page.status, page.heading) == (409, "There is nothing to pause yet")
    assert await told(site, PauseChosen) == []


async def test_only_the_owner_pauses_and_only_by_our_form(site: RunningSite, browser: Browser) -> None:
    bobs = await another_grid(site, "bob@example.org")
    buyer = await site.a_member(browser)
    for account_id in (bobs.account_id, new_id(), "1"):
        assert (await browser.get(f"/account/{account_id}/pause")).status == 404
        for what in ("pause", "unpause"):
            form = {"csrf": await browser.csrf(), "grid_id": buyer.grid_id}
            assert (await browser.post(f"/account/{account_id}/{what}", form)).status == 404
    for what in ("pause", "unpause"):
        assert (await browser.post(f"/account/{buyer.account_id}/{what}", {})).status == 403
        async with site.browser() as nobody:
            assert (await send(nobody, buyer, what)).place == "/sign-in?first=yes"
    assert await told(site, PauseChosen) == []
