"""Where somebody is signed in: what the list says, what it does not keep, and that ending is at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from s4_runtime import new_id
from support.web_peers import Browser, Page
from support.web_site import Buyer, RunningSite

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)


@asynccontextmanager
async def signed_in_too(
    site: RunningSite, buyer: Buyer, agent: str, origin: str | None = None
) -> AsyncIterator[Browser]:
    async with site.browser(origin) as other:
        other.session.headers["User-Agent"] = agent
        assert (await site.signs_in(other, buyer)).status == 303
        assert (await shown(other)).status == 200
        yield other


async def shown(browser: Browser) -> Page:
    return await browser.get("/account/sessions")


def ends(page: Page) -> list[str]:
    """The addresses by which each sign-in is ended, in the order of the list."""
    return [line.split('"')[1] for line in page.text.split("action=")[1:] if line.split('"')[1].endswith("/end")]


def own(page: Page) -> str:
    """The address that ends the sign-in of the browser that shows the page."""
    (marked,) = [line for line in page.text.split("<li")[1:] if "data-this" in line]
    return marked.split('action="')[1].split('"')[0]


async def is_in(browser: Browser) -> bool:
    return (await browser.get("/account")).place != "/sign-in?first=yes"


async def test_each_browser_is_told_by_its_kind_its_network_and_its_last_use(
    site: RunningSite, browser: Browser
) -> None:
    buyer = await site.a_member(browser)
    async with signed_in_too(site, buyer, FIREFOX), signed_in_too(site, buyer, IPHONE):
        await site.later(hours=3)
        page = await shown(browser)
        assert (page.status, page.heading) == (200, "Where you are signed in")
        for words in (
            "Firefox on Linux",
            "Safari on an iPhone",
            "Another program",
            "Last used 3 hours ago, from 127.0.*.*",
        ):
            assert words in page.text
        assert page.text.count("This one") == 1
        assert len(ends(page)) == 3


async def test_the_page_is_led_to_from_the_account(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    assert 'href="/account/sessions"' in (await browser.get(f"/account/{buyer.account_id}")).text


async def test_one_that_is_ended_is_out_at_once_on_every_replica(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    async with site.replica(letters_per_grid=5) as origin, signed_in_too(site, buyer, FIREFOX) as other:
        other.origin = origin
        stranger = own(await shown(other))
        ended = await browser.post(stranger, {"csrf": await browser.csrf()})
        assert ended.place == "/account/sessions?done=ended"
        assert "That browser is signed out." in (await browser.get(ended.place)).text
        assert not await is_in(other)
        assert await is_in(browser)


async def test_ending_all_others_leaves_this_one(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    async with signed_in_too(site, buyer, FIREFOX) as one, signed_in_too(site, buyer, IPHONE) as two:
        ended = await browser.post("/account/sessions/end-others", {"csrf": await browser.csrf()})
        assert ended.place == "/account/sessions?done=others"
        assert [await is_in(each) for each in (browser, one, two)] == [True, False, False]
    assert len(ends(await shown(browser))) == 1
    assert "End all others" not in (await shown(browser)).text


async def test_ending_this_one_is_signing_out(site: RunningSite, browser: Browser) -> None:
    await site.a_member(browser)
    (place,) = ends(await shown(browser))
    ended = await browser.post(place, {"csrf": await browser.csrf()})
    assert (ended.place, await is_in(browser)) == ("/", False)
    assert "Max-Age=0" in ended.headers["Set-Cookie"]


async def test_ended_twice_is_ended(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    async with signed_in_too(site, buyer, FIREFOX) as other:
        place = own(await shown(other))
        for _ in range(2):
            assert (await browser.post(place, {"csrf": await browser.csrf()})).status == 303


async def test_nobody_ends_another_persons_sign_in(site: RunningSite, browser: Browser) -> None:
    await site.a_member(browser)
    async with site.browser() as other:
        await other.sign_up("eve@example.com")
        eve = await site.buyer()
        await site.hears(eve.paid(email="eve@example.com"))
        eve.has_account()
        await site.signs_in(other, eve)
        (place,) = ends(await shown(browser))
        csrf = await other.csrf()
        assert (await other.post(place, {"csrf": csrf})).status == 303
        assert (await other.post("/account/sessions/end-others", {"csrf": csrf})).status == 303
        assert len(ends(await shown(other))) == 1
    assert await is_in(browser)


async def test_a_session_that_is_no_session_is_404_or_nothing(site: RunningSite, browser: Browser) -> None:
    await site.a_member(browser)
    csrf = await browser.csrf()
    for made_up, status in (("1", 404), ("%00", 404), ("x" * 3000, 404), (new_id(), 303)):
        page = await browser.post(f"/account/sessions/{made_up}/end", {"csrf": csrf})
        assert (made_up, page.status) == (made_up, status)
    assert await is_in(browser)


@pytest.mark.parametrize("path", ["/account/sessions/end-others", "/account/sessions/{}/end"])
async def test_every_form_wants_the_token_and_a_session(site: RunningSite, browser: Browser, path: str) -> None:
    buyer = await site.a_member(browser)
    async with signed_in_too(site, buyer, FIREFOX) as other:
        place = path.format(new_id())
        assert (await browser.post(place, {})).status == 403
        async with site.browser() as stranger:
            csrf = await stranger.csrf()
            assert (await stranger.post(place, {"csrf": csrf})).place == "/sign-in?first=yes"
            assert (await shown(stranger)).place == "/sign-in?first=yes"
        assert await is_in(other)


async def test_what_is_kept_is_too_coarse_to_follow_anybody(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    async with signed_in_too(site, buyer, FIREFOX + " Secret/7"):
        rows = await site.pool.fetch("SELECT v::text AS row FROM visits v")
    kept = "".join(row["row"] for row in rows)
    assert "Firefox on Linux" in kept
    for telling in ("140.0", "Secret", "127.0.0.1", "x86_64", "ada@example.com"):
        assert telling not in kept
    await browser.post("/account/sessions/end-others", {"csrf": await browser.csrf()})
    assert await site.count("visits") == 1


async def test_the_last_use_is_written_down_at_most_every_five_minutes(site: RunningSite, browser: Browser) -> None:
    await site.a_member(browser)
    for minutes, words in ((0, "just now"), (4, "4 minutes ago"), (2, "just now")):
        await site.later(minutes=minutes)
        assert f"Last used {words}" in (await shown(browser)).text


async def test_a_second_account_of_the_address_shows_the_same_list(site: RunningSite, browser: Browser) -> None:
    buyer = await site.a_member(browser)
    await browser.sign_up(another=buyer.signup_id)
    second = await site.buyer()
    await site.hears(second.paid())
    second.has_account()
    async with signed_in_too(site, second, FIREFOX):
        assert "Firefox on Linux" in (await shown(browser)).text
