"""Invite codes: shown to who signed in lately, dead when they should be, and not lost while their keeper is away."""

import asyncio
import re
from itertools import permutations

import pytest

from s4_runtime import new_id
from s4_web.connecting.commands import PUBLIC_MAILBOX
from support.qr_reader import read_codes
from support.web_peers import Browser, Page
from support.web_site import Buyer, RunningSite, running_site


async def shown(browser: Browser, buyer: Buyer, query: str = "") -> Page:
    page = await browser.get(f"/account/{buyer.account_id}/invites{query}")
    assert page.status == 200
    return page


async def ask(browser: Browser, buyer: Buyer, **form: str) -> Page:
    """The button on the page is pressed."""
    page = await shown(browser, buyer)
    fields = {"csrf": page.value("csrf"), "request_id": page.value("request_id"), **form}
    return await browser.post(f"/account/{buyer.account_id}/invites", fields)


async def with_code(site: RunningSite, browser: Browser) -> Buyer:
    buyer = await site.a_member(browser)
    assert (await ask(browser, buyer)).place == f"/account/{buyer.account_id}/invites"
    return buyer


async def withdraw(browser: Browser, buyer: Buyer, invite_id: str) -> Page:
    place = f"/account/{buyer.account_id}/invites/{invite_id}/withdraw"
    return await browser.post(place, {"csrf": await browser.csrf()})


def states(page: Page) -> list[str]:
    return re.findall(r'<li data-state="([\w-]+)"', page.text)


async def test_a_code_is_shown_as_text_as_a_command_and_as_a_drawing(site: RunningSite, browser: Browser) -> None:
    buyer = await with_code(site, browser)
    page, code = await shown(browser, buyer), site.invites.newest["code"]
    assert page.element("code") == code
    assert page.element("join") == (
        f"tahoe --wormhole-server=ws://127.0.0.1:4000/v1 create-client --join={code} ~/s4-grid"
    )
    assert read_codes(page.text) == [code]
    assert "8 March 2026, 12:00 UTC" in page.text
    assert (page.headers["Cache-Control"], states(page)) == ("no-store", ["open"])
    asked = site.invites.bodies("/invites")[-1]
    assert (asked["account_id"], asked["grid_id"]) == (buyer.account_id, buyer.grid_id)


async def test_with_the_public_server_no_server_is_named(site: RunningSite, browser: Browser) -> None:
    site.invites.mailbox_url = PUBLIC_MAILBOX
    page = await shown(browser, await with_code(site, browser))
    assert page.element("join").startswith("tahoe create-client --join=")
    assert ("Enter the code on the first screen" in page.text, "our own server" in page.text) == (True, False)


async def test_gridsync_is_led_to_the_settings_file_where_it_cannot_use_the_code(
    site: RunningSite, browser: Browser
) -> None:
    page = await shown(browser, await with_code(site, browser))
    assert "Enter the code on the first screen" not in page.text
    assert "/connect#gridsync-title" in page.text


async def test_a_double_click_makes_one_code(site: RunningSite, browser: Browser) -> None:
    buyer, form = await site.a_member(browser), new_id()
    pages = await asyncio.gather(*(ask(browser, buyer, request_id=form) for _ in range(2)))
    assert [page.status for page in pages] == [303, 303]
    assert len(site.invites.kept) == 1


async def test_a_new_code_ends_the_old_one(site: RunningSite, browser: Browser) -> None:
    buyer = await with_code(site, browser)
    old = site.invites.newest["code"]
    await ask(browser, buyer)
    page = await shown(browser, buyer)
    assert states(page) == ["open", "replaced"]
    assert old not in page.text
    assert page.element("code") == site.invites.newest["code"]


async def test_a_code_that_cannot_be_read_any_more_is_said_to_be_useless(site: RunningSite, browser: Browser) -> None:
    buyer = await with_code(site, browser)
    site.invites.newest["code"] = None
    page = await shown(browser, buyer)
    assert "cannot be read any more" in page.text
    assert "please sign in anew" not in page.text
    assert "Waiting for a client" not in page.text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("claimed", "a client is connected to your grid"),
        ("guessed", "Somebody tried your last code with wrong words"),
        ("crowded", "Two clients used your last code"),
        ("expired", "expired, nobody used it"),
        ("grid-gone", "dead: the grid was removed"),
    ],
)
async def test_the_page_says_what_became_of_the_code(
    site: RunningSite, browser: Browser, state: str, words: str
) -> None:
    buyer = await with_code(site, browser)
    code = site.invites.newest["code"]
    site.invites.end(state)
    page = await shown(browser, buyer)
    assert words in page.text
    assert states(page) == [state]
    assert code not in page.text
    assert 'data-open=""' in page.text


async def test_a_code_is_withdrawn_by_its_owner_twice_is_once(site: RunningSite, browser: Browser) -> None:
    buyer = await with_code(site, browser)
    for _ in range(2):
        page = await withdraw(browser, buyer, site.invites.newest["invite_id"])
        assert page.place == f"/account/{buyer.account_id}/invites?done=withdrawn"
    page = await browser.get(page.place)
    assert states(page) == ["withdrawn"]
    assert "The code is withdrawn" in page.text


async def test_while_clients_cannot_reach_us_the_page_says_so(site: RunningSite, browser: Browser) -> None:
    site.invites.is_connected = False
    page = await shown(browser, await with_code(site, browser))
    assert 'data-mailbox="unreachable"' in page.text
    assert "It does not work at this moment" in page.text


async def test_who_signed_in_long_ago_neither_sees_nor_makes_a_code(site: RunningSite, browser: Browser) -> None:
    buyer = await with_code(site, browser)
    code = site.invites.newest["code"]
    await site.later(minutes=16)
    page = await shown(browser, buyer)
    assert code not in page.text
    assert read_codes(page.text) == []
    assert "please sign in anew" in page.text
    assert (await ask(browser, buyer)).heading == "Please sign in anew"
    assert len(site.invites.kept) == 1
    entered = await site.signs_in(browser, buyer)
    assert entered.place == f"/account/{buyer.account_id}/invites"
    assert (await shown(browser, buyer)).element("code") == code


async def test_while_the_keeper_is_away_events_tell_what_there_was(site: RunningSite, browser: Browser) -> None:
    buyer = await with_code(site, browser)
    site.invites.end("claimed")
    await ask(browser, buyer)
    await site.hears(*(event for one in site.invites.kept for event in site.invites.events(one)))
    site.invites.is_down = True
    page = await shown(browser, buyer)
    assert "Invite codes cannot be reached right now" in page.text
    assert sorted(states(page)) == ["claimed", "open"]
    for _ in range(2):
        failed = await ask(browser, buyer)
        assert (failed.status, failed.heading) == (503, "Invite codes cannot be reached right now")
        assert "Nothing is lost" in failed.text
    assert (await withdraw(browser, buyer, site.invites.newest["invite_id"])).status == 503
    site.invites.is_down = False
    assert (await shown(browser, buyer)).element("code") == site.invites.newest["code"]


async def test_events_in_any_order_tell_the_same(site: RunningSite, browser: Browser) -> None:
    buyer = await with_code(site, browser)
    site.invites.end("claimed")
    told = site.invites.events(site.invites.newest)
    site.invites.is_down = True
    for order in permutations(told):
        await site.pool.execute("DELETE FROM invites")
        await site.hears(*order, *order)
        page = await shown(browser, buyer)
        assert states(page) == ["claimed"]
        assert "1 March 2026, 12:01 UTC" in page.text


async def test_a_client_that_used_a_code_is_among_those_that_have_the_furl(site: RunningSite, browser: Browser) -> None:
    buyer = await with_code(site, browser)
    site.invites.end("claimed")
    await site.hears(*site.invites.events(site.invites.newest))
    assert "Fetched by a client with an invite code" in (await browser.get(f"/account/{buyer.account_id}")).text


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, {"code": "internal-error"}), (200, {}), (200, {"invites": [{"state": "dancing"}]}), (200, [])],
)
async def test_an_answer_that_was_not_agreed_counts_as_none(
    site: RunningSite, browser: Browser, status: int, body: object
) -> None:
    buyer = await with_code(site, browser)
    site.invites.answer_next("/invites", status, body)
    page = await shown(browser, buyer)
    assert "Invite codes cannot be reached right now" in page.text


async def test_a_grid_that_is_not_ready_has_no_codes_yet(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    form = {"csrf": await browser.csrf(), "request_id": new_id()}
    for status, code in ((404, "no-such-grid"), (409, "grid-not-ready")):
        site.invites.answer_next("/invites", status, {"code": code})
        page = await browser.post(f"/account/{buyer.account_id}/invites", form)
        assert (page.status, page.heading) == (409, "There can be no code yet")


async def test_codes_are_limited(web_database: str) -> None:
    async with running_site(web_database, invites_per_grid=2) as site, site.browser() as browser:
        buyer = await site.a_member(browser)
        assert [(await ask(browser, buyer)).status for _ in range(3)] == [303, 303, 429]
        assert len(site.invites.kept) == 2


async def test_another_persons_invite_cannot_be_withdrawn(site: RunningSite, browser: Browser) -> None:
    await with_code(site, browser)
    invite_id = site.invites.newest["invite_id"]
    async with site.browser() as other:
        await other.sign_up("eve@example.com")
        eve = await site.buyer()
        await site.hears(eve.paid(email="eve@example.com"), eve.ready(), eve.furl_issued())
        await site.signs_in(other, eve)
        for made_up in (invite_id, new_id(), "1", "%00", "x" * 3000):
            assert (await withdraw(other, eve, made_up)).status == 404
    assert site.invites.newest["state"] == "open"


async def test_what_is_no_form_of_ours_makes_nothing(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    for made_up in ("", "1", "x" * 3000):
        assert (await ask(browser, buyer, request_id=made_up)).status == 400
    assert (await ask(browser, buyer, csrf="")).status == 403
    assert site.invites.kept == []


async def test_no_code_is_logged_kept_or_in_an_address(
    site: RunningSite, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    buyer = await with_code(site, browser)
    await shown(browser, buyer)
    await site.hears(*site.invites.events(site.invites.newest))
    logged, kept = capsys.readouterr(), ""
    for table in ("outbox", "feed", "invites", "sessions", "visits", "reveals", "counters"):
        rows = await site.pool.fetch(f"SELECT t::text AS row FROM {table} t")  # noqa: S608  our own tables
        kept += "".join(row["row"] for row in rows)
    assert "/account/{account_id}/invites" in logged.out
    assert "bakelo" not in logged.out + logged.err + kept
