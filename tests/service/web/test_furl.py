"""The furl on demand: for its owner, lately signed in, once for each form, and never unseen."""

import asyncio
import re

import pytest

from s4_contracts.web import FurlClaimed
from s4_runtime import new_id
from support.qr_reader import read_codes
from support.web_peers import Browser, Page
from support.web_site import FURL, Buyer, RunningSite, running_site


async def ask(browser: Browser, buyer: Buyer, what: str = "furl", **form: str) -> Page:
    """The button on the page about connecting is pressed."""
    page = await browser.get(f"/account/{buyer.account_id}/connect")
    assert page.status == 200
    fields = {"csrf": page.value("csrf"), "request_id": page.value("request_id"), **form}
    return await browser.post(f"/account/{buyer.account_id}/{what}", fields)


async def told(site: RunningSite) -> list[FurlClaimed]:
    return [event for event in await site.emitted() if isinstance(event, FurlClaimed)]


def listed(page: Page) -> list[str]:
    """How the furl was seen, the last time first."""
    return re.findall(r'<li data-how="(\w+)"', page.text)


async def test_the_furl_is_shown_in_the_answer_on_record_and_told(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    page = await ask(browser, buyer)
    assert (page.status, page.heading, page.element("furl")) == (200, "Your furl", FURL)
    assert page.headers["Cache-Control"] == "no-store"
    (event,) = await told(site)
    assert (event.account_id, event.grid_id, event.claim_ref) == (buyer.account_id, buyer.grid_id, buyer.claim_ref)
    for place in ("", "/connect"):
        seen = await browser.get(f"/account/{buyer.account_id}{place}")
        assert listed(seen) == ["account"]
        assert "Shown in your account" in seen.text
        assert "from 127.0.*.*" in seen.text


async def test_the_furl_can_be_scanned(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    page = await ask(browser, buyer)
    assert read_codes(page.text) == [FURL]
    assert 'role="img" aria-label="Your furl as a QR code"' in page.text


async def test_no_page_but_that_answer_has_the_furl(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await ask(browser, buyer)
    for path in ("", "/connect", "/invites"):
        assert "swissnum" not in (await browser.get(f"/account/{buyer.account_id}{path}")).text
    assert (await browser.get(f"/account/{buyer.account_id}/furl")).status == 405


async def test_who_signed_in_long_ago_signs_in_anew_and_comes_back(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await site.later(minutes=16)
    for what in ("furl", "gridsync.json"):
        page = await ask(browser, buyer, what)
        assert (page.status, page.heading) == (403, "Please sign in anew")
        assert "swissnum" not in page.text
    assert await told(site) == []
    entered = await site.signs_in(browser, buyer)
    assert entered.place == f"/account/{buyer.account_id}/connect"
    assert (await ask(browser, buyer)).element("furl") == FURL


async def test_a_double_click_shows_it_and_is_one_reveal(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    form = new_id()
    pages = await asyncio.gather(*(ask(browser, buyer, request_id=form) for _ in range(2)))
    assert [page.element("furl") for page in pages] == [FURL, FURL]
    assert len(await told(site)) == 1
    assert listed(await browser.get(f"/account/{buyer.account_id}")) == ["account"]


async def test_a_form_that_was_used_is_used_up_after_a_minute(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    form = new_id()
    await ask(browser, buyer, request_id=form)
    await site.later(minutes=1.1)
    page = await ask(browser, buyer, request_id=form)
    assert page.place == f"/account/{buyer.account_id}/connect?done=shown"
    assert "swissnum" not in page.text
    assert "shown once" in (await browser.get(page.place)).text


async def test_a_form_of_another_person_shows_nothing(site: RunningSite, browser: Browser) -> None:
    form = new_id()
    async with site.browser() as other:
        await ask(other, await site.a_member(other), request_id=form)
    buyer = await site.a_member(browser)
    page = await ask(browser, buyer, request_id=form)
    assert page.status == 303
    assert len(await told(site)) == 1


async def test_what_is_no_form_of_ours_shows_nothing(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    for made_up in ("", "1", "x" * 3000, new_id().upper()):
        assert (await ask(browser, buyer, request_id=made_up)).status == 400
    assert (await ask(browser, buyer, csrf="")).status == 403
    assert await told(site) == []
    assert site.provisioner.calls == []


async def test_another_persons_furl_is_404_and_a_strangers_question_too(site: RunningSite, browser: Browser) -> None:
    async with site.browser() as other:
        await other.sign_up("bob@example.com")
        bob = await site.buyer()
        await bob.gets_a_grid()
        await site.later(minutes=1)
        await site.hears(bob.paid(email="bob@example.com"))
    await site.a_member(browser)
    form = {"csrf": await browser.csrf(), "request_id": new_id()}
    for account in (bob.account_id, new_id(), "1", "%00"):
        for what in ("furl", "gridsync.json", "invites"):
            assert (await browser.post(f"/account/{account}/{what}", form)).status == 404
        for what in ("connect", "invites"):
            assert (await browser.get(f"/account/{account}/{what}")).status == 404
    async with site.browser() as stranger:
        form["csrf"] = await stranger.csrf()
        assert (await stranger.post(f"/account/{bob.account_id}/furl", form)).place == "/sign-in?first=yes"
    assert site.provisioner.calls == []


async def test_a_furl_is_shown_only_so_often_in_an_hour(web_database: str) -> None:
    async with running_site(web_database, furls_per_grid=2) as site, site.browser() as browser:
        buyer = await site.a_member(browser)
        assert [(await ask(browser, buyer)).status for _ in range(3)] == [200, 200, 429]
        assert (await ask(browser, buyer, "gridsync.json")).heading == "Your furl was shown often"
        assert len(await told(site)) == 2


@pytest.mark.parametrize("what", ["silent", "stale", "gone"])
async def test_a_furl_that_cannot_be_fetched_is_not_on_record(site: RunningSite, browser: Browser, what: str) -> None:
    buyer = await site.a_member(browser)
    answers = {"stale": (409, {"code": "claim-ref-stale"}), "gone": (410, {"code": "grid-gone"})}
    if what in answers:
        site.provisioner.answer_next(f"/grids/{buyer.grid_id}/furl", *answers[what])
    site.provisioner.is_down = what == "silent"
    page = await ask(browser, buyer)
    assert page.status == (503 if what == "silent" else 409)
    assert "Nothing is lost" in page.text or "no furl to show" in page.text
    assert await told(site) == []
    assert await site.count("reveals") == 0


async def test_before_there_is_a_furl_there_is_nothing_to_connect(site: RunningSite, browser: Browser) -> None:
    await browser.sign_up()
    buyer = await site.buyer()
    await site.hears(buyer.paid())
    buyer.has_account()
    await site.signs_in(browser, buyer)
    place = f"/account/{buyer.account_id}"
    for path in ("/connect", "/invites"):
        assert (await browser.get(place + path)).status == 409
    form = {"csrf": await browser.csrf(), "request_id": new_id()}
    for path in ("/furl", "/invites", "/gridsync.json"):
        assert (await browser.post(place + path, form)).status == 409
    assert "/connect" not in (await browser.get(place)).text


async def test_a_link_that_was_opened_is_listed_each_time(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    token = buyer.link()
    for _ in range(2):
        page = await browser.get("/claim", params={"token": token})
        shown = await browser.post("/claim", {"csrf": page.value("csrf"), "token": token})
        assert shown.element("furl") == FURL
        assert read_codes(shown.text) == [FURL]
    assert listed(await browser.get(f"/account/{buyer.account_id}")) == ["link", "link"]
    assert len(await told(site)) == 1


async def test_a_furl_is_never_logged_or_kept(
    site: RunningSite, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    buyer = await site.a_member(browser)
    await ask(browser, buyer)
    await ask(browser, buyer, "gridsync.json")
    site.provisioner.is_down = True
    await ask(browser, buyer)
    logged, kept = capsys.readouterr(), ""
    for table in ("outbox", "feed", "reveals", "journeys", "sessions", "visits", "counters"):
        rows = await site.pool.fetch(f"SELECT t::text AS row FROM {table} t")  # noqa: S608  our own tables
        kept += "".join(row["row"] for row in rows)
    assert "/account/{account_id}/furl" in logged.out
    assert "swissnum" not in logged.out + logged.err + kept
