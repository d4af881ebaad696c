"""The status page in a real browser: drawn, and live even where live news do not get through."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Browser, Route, expect

from support.browser import Watched, chromium, window
from support.past_grids import past_grids
from support.web_peers import Browser as Wire
from support.web_site import Buyer, RunningSite

# What takes long and has a quick form elsewhere.
pytestmark = pytest.mark.long


@pytest.fixture
async def chrome() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


async def paid(site: RunningSite, person: Watched, wire: Wire) -> Buyer:
    """Whoever sits at the window has paid, and the first step is under way."""
    await wire.sign_up()
    for each in wire.session.cookie_jar:
        await person.page.context.add_cookies([{"name": each.key, "value": each.value, "url": site.origin}])
    buyer = await site.buyer()
    await site.hears(buyer.paid(), buyer.progressed("identity", "done", 4.0), buyer.progressed("bucket", "started"))
    return buyer


async def hold_back(_route: Route) -> None:
    """What a proxy does that collects an answer before it passes it on: this one never ends."""


async def refuse(route: Route) -> None:
    await route.fulfill(status=429, body="too many")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_the_way_is_drawn_and_its_times_are_said(
    site: RunningSite, browser: Wire, chrome: Browser, *, dark: bool
) -> None:
    shade = "-dark" if dark else ""
    await past_grids(site, 8, 4.0)
    async with window(chrome, site.origin, dark=dark) as person:
        buyer = await paid(site, person, browser)
        page, status = person.page, person.page.locator("#status")
        await page.goto(f"{site.origin}/status")
        bar = page.get_by_role("progressbar", name="Making your grid")
        await expect(bar).to_have_attribute("aria-valuetext", "1 of 9 steps are done")
        await expect(status).to_contain_text("Usually ready within 35 s")
        await person.looks_right(f"status-usual{shade}")
        await site.later(seconds=50)
        await site.hears(buyer.progressed("bucket", "retrying"))
        await expect(status).to_contain_text("This takes longer than usual")
        await expect(page.locator('[data-step="bucket"]')).to_contain_text("trying again")
        await person.looks_right(f"status-late{shade}")
        await site.hears(buyer.failed(final=True))
        await expect(page.get_by_role("heading", level=1)).to_have_text("Your grid could not be made")
        await person.looks_right(f"status-failed{shade}")
        assert person.asked_for("document", "/status") == 1


@pytest.mark.parametrize("trouble", [hold_back, refuse])
async def test_where_live_news_do_not_get_through_the_page_asks_by_itself(
    site: RunningSite, browser: Wire, chrome: Browser, trouble: Callable[[Route], Awaitable[None]]
) -> None:
    async with window(chrome, site.origin) as person:
        buyer = await paid(site, person, browser)
        await person.page.route("**/status/events*", trouble)
        await person.page.goto(f"{site.origin}/status")
        await site.hears(buyer.ready(), buyer.furl_issued(), buyer.letter())
        await expect(person.page.get_by_role("heading", level=1)).to_have_text("Your grid is ready")
        await expect(person.page.locator("#polled")).to_be_visible()
        assert person.asked_for("document", "/status") == 1
        person.troubles = [words for words in person.troubles if "429" not in words]


async def test_where_nothing_happens_any_more_the_stream_ends_and_the_page_still_hears_of_what_does(
    browser: Wire, site: RunningSite, chrome: Browser
) -> None:
    async with window(chrome, site.origin) as person:
        buyer = await paid(site, person, browser)
        rest = "event: rest\ndata\n\n"

        async def rests(route: Route) -> None:
            await route.fulfill(status=200, content_type="text/event-stream", body=rest)

        await person.page.route("**/status/events*", rests)
        await person.page.goto(f"{site.origin}/status")
        await site.hears(buyer.ready(), buyer.furl_issued(), buyer.letter())
        await expect(person.page.get_by_role("heading", level=1)).to_have_text("Your grid is ready")
        await expect(person.page.locator("#polled")).to_be_hidden()
