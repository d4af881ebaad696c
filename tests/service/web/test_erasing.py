"""Erasing: only after the end, only when it was typed, and until its date it can be taken back."""

import asyncio
from datetime import timedelta

import pytest

from s4_contracts.web import ErasureChosen
from s4_runtime import new_id
from support.web_changes import another_grid, deleted, has_left, scheduled, send, told
from support.web_peers import ENDED, Browser
from support.web_site import Buyer, RunningSite

WORDS = "delete everything"


async def wishes(site: RunningSite) -> list[tuple[bool, int]]:
    return [(event.wanted, event.revision) for event in await told(site, ErasureChosen)]


async def who_left(site: RunningSite, browser: Browser) -> Buyer:
    buyer = await site.a_member(browser)
    has_left(buyer)
    return buyer


async def test_the_page_says_what_goes_and_asks_for_two_words(site: RunningSite, browser: Browser) -> None:
    buyer = await who_left(site, browser)
    assert f'href="/account/{buyer.account_id}/erase"' in (await browser.get(f"/account/{buyer.account_id}")).text
    page = await browser.get(f"/account/{buyer.account_id}/erase")
    assert (page.status, page.heading) == (200, "Delete everything")
    assert "31 March 2026, 12:00 UTC" in page.text
    assert f'href="/account/{buyer.account_id}/export"' in page.text
    assert await wishes(site) == []


@pytest.mark.parametrize("words", ["", "yes", "delete", "deleteeverything", "delete everything now", "<b>", "x" * 9000])
async def test_without_the_words_nothing_is_deleted(site: RunningSite, browser: Browser, words: str) -> None:
    buyer = await who_left(site, browser)
    page = await send(browser, buyer, "erase", words=words)
    assert page.status == 422
    assert "Please type the two words" in page.text
    assert await wishes(site) == []


@pytest.mark.parametrize("words", [WORDS, "Delete everything", "  DELETE   EVERYTHING "])
async def test_the_wish_is_told_and_the_date_shown_as_soon_as_it_is_known(
    site: RunningSite, browser: Browser, words: str
) -> None:
    buyer = await who_left(site, browser)
    sent = await send(browser, buyer, "erase", words=words)
    assert (sent.status, sent.place) == (303, f"/account/{buyer.account_id}/erase")
    (chosen,) = await told(site, ErasureChosen)
    assert (chosen.account_id, chosen.grid_id) == (buyer.account_id, buyer.grid_id)
    page = await browser.get(sent.place)
    assert (page.heading, "The date stands here in a moment" in page.text) == ("Everything is deleted soon", True)
    await site.hears(scheduled(site, buyer, site.clock.now() + timedelta(hours=24)))
    page = await browser.get(sent.place)
    assert "2 March 2026, 12:00 UTC" in page.text
    assert 'id="undo"' in page.text
    page = await browser.get(f"/account/{buyer.account_id}")
    assert page.text.count("2 March 2026, 12:00 UTC") == 3
    assert "31 March 2026" not in page.text


async def test_it_can_be_taken_back_until_the_date(site: RunningSite, browser: Browser) -> None:
    buyer = await who_left(site, browser)
    place, due = f"/account/{buyer.account_id}/erase", site.clock.now() + timedelta(hours=24)
    await send(browser, buyer, "erase", words=WORDS)
    await site.hears(scheduled(site, buyer, due))
    await site.later(hours=23)
    assert (await send(browser, buyer, "erase/undo")).place == place
    assert "You took it back" in (await browser.get(place)).text
    await site.hears(scheduled(site, buyer, due + timedelta(days=29), revision=2, by_owner=False))
    assert (await browser.get(place)).heading == "Delete everything"
    assert await wishes(site) == [(True, 1), (False, 2)]


async def test_after_the_date_nothing_is_taken_back(site: RunningSite, browser: Browser) -> None:
    buyer = await who_left(site, browser)
    await send(browser, buyer, "erase", words=WORDS)
    await site.hears(scheduled(site, buyer, site.clock.now() + timedelta(hours=24)))
    await site.later(hours=24)
    page = await browser.get(f"/account/{buyer.account_id}/erase")
    assert (page.heading, 'id="undo"' in page.text) == ("Everything is being deleted", False)
    page = await send(browser, buyer, "erase/undo")
    assert (page.status, page.heading) == (409, "It is too late to take it back")
    assert await wishes(site) == [(True, 1)]


async def test_a_double_click_is_one_wish(site: RunningSite, browser: Browser) -> None:
    buyer = await who_left(site, browser)
    for what in ("erase", "erase/undo", "erase"):
        pages = await asyncio.gather(*(send(browser, buyer, what, words=WORDS) for _ in range(3)))
        assert {page.status for page in pages} == {303}
    assert await wishes(site) == [(True, 1), (False, 2), (True, 3)]


async def test_while_it_is_paid_for_nothing_is_deleted(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    for page in (
        await browser.get(f"/account/{buyer.account_id}/erase"),
        await send(browser, buyer, "erase", words=WORDS),
        await send(browser, buyer, "erase/undo"),
    ):
        assert (page.status, page.heading) == (409, "Please end your subscription first")
    assert await wishes(site) == []


async def test_ending_now_leads_on_to_deleting_if_that_is_wanted(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    sent = await send(browser, buyer, "cancel", when="erase", request_id=new_id())
    assert (sent.status, sent.place) == (303, f"/account/{buyer.account_id}/erase")
    assert [body["when"] for body in site.billing.bodies(f"/accounts/{buyer.account_id}/cancel")] == ["now"]
    assert (await browser.get(sent.place)).heading == "Delete everything"
    assert await wishes(site) == []


async def test_ending_and_deleting_want_a_recent_sign_in_and_taking_back_does_not(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser)
    await site.later(minutes=16)
    assert (await send(browser, buyer, "cancel", when="erase", request_id=new_id())).status == 403
    assert site.billing.bodies(f"/accounts/{buyer.account_id}/cancel") == []
    has_left(buyer)
    assert (await send(browser, buyer, "erase", words=WORDS)).status == 403
    assert (await site.signs_in(browser, buyer)).place == f"/account/{buyer.account_id}/erase"
    assert (await send(browser, buyer, "erase", words=WORDS)).status == 303
    await site.later(minutes=16)
    assert (await send(browser, buyer, "erase/undo")).status == 303
    assert await wishes(site) == [(True, 1), (False, 2)]


async def test_what_is_gone_is_not_deleted_again(site: RunningSite, browser: Browser) -> None:
    buyer = await who_left(site, browser)
    await site.hears(deleted(site, buyer))
    has_left(buyer, ended={**ENDED, "deleted_at": "2026-03-31T12:00:00Z"})
    for page in (
        await browser.get(f"/account/{buyer.account_id}/erase"),
        await send(browser, buyer, "erase", words=WORDS),
    ):
        assert (page.status, page.heading) == (409, "There is nothing left to delete")
    assert await wishes(site) == []


async def test_a_contested_payment_is_said_to_hold_it_up(site: RunningSite, browser: Browser) -> None:
    buyer = await who_left(site, browser)
    has_left(buyer, disputed=True)
    page = await browser.get(f"/account/{buyer.account_id}/erase")
    assert "Nothing is deleted while that is open" in page.text


async def test_the_wish_is_not_lost_while_the_others_are_away(site: RunningSite, browser: Browser) -> None:
    buyer = await who_left(site, browser)
    await send(browser, buyer, "erase", words=WORDS)
    site.provisioner.is_down = True
    page = await browser.get(f"/account/{buyer.account_id}/erase")
    assert (page.status, page.heading) == (200, "Everything is deleted soon")


async def test_only_the_owner_deletes_and_only_by_our_form(site: RunningSite, browser: Browser) -> None:
    bobs = await another_grid(site, "bob@example.org")
    has_left(bobs)
    buyer = await who_left(site, browser)
    for account_id in (bobs.account_id, new_id(), "1"):
        assert (await browser.get(f"/account/{account_id}/erase")).status == 404
        for what in ("erase", "erase/undo"):
            form = {"csrf": await browser.csrf(), "words": WORDS, "grid_id": bobs.grid_id}
            assert (await browser.post(f"/account/{account_id}/{what}", form)).status == 404
    for what in ("erase", "erase/undo"):
        assert (await browser.post(f"/account/{buyer.account_id}/{what}", {"words": WORDS})).status == 403
    assert await wishes(site) == []
