"""What the pages do without scripts, without movement, and on paper."""

import pytest
from playwright.async_api import Browser as Chromium
from playwright.async_api import expect

from browser.pages import PAGES
from browser.walk import at
from support.browser import STICKS_OUT
from support.web_site import FURL, RunningSite

_BY_NAME = {place.name: place for place in PAGES}
_MOVES = """() => [...document.querySelectorAll("*")].filter((one) => ["", "::before", "::after"].some((part) => {
  const style = getComputedStyle(one, part || null);
  return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0;
})).map((one) => one.outerHTML.slice(0, 80))"""


async def test_pages_for_anybody_have_no_script_to_miss(site: RunningSite) -> None:
    async with site.browser() as browser:
        for place in PAGES:
            if place.is_public:
                assert "<script" not in (await browser.get(place.path)).text, place.name


async def test_without_scripts_a_person_comes_from_the_first_page_to_the_payment(
    site: RunningSite, chrome: Chromium
) -> None:
    async with at(_BY_NAME["home"], site, chrome, javascript=False) as watched:
        await watched.sign_up(site.origin, "plain@example.com")
        await expect(watched.page.get_by_role("button", name="Pay on Stripe")).to_be_visible()
        watched.troubles.clear()  # Stripe's own script has an address that nobody answers at


@pytest.mark.parametrize("name", ["home", "status-being-made", "account"])
async def test_nothing_moves_for_who_does_not_want_it(name: str, site: RunningSite, chrome: Chromium) -> None:
    async with at(_BY_NAME[name], site, chrome) as watched:
        page = watched.page
        assert await page.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches")
        assert await page.evaluate(_MOVES) == []
        assert await page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


async def test_what_moves_otherwise_is_seen_by_that_test(site: RunningSite, chrome: Chromium) -> None:
    async with at(_BY_NAME["status-being-made"], site, chrome) as watched:
        await watched.page.emulate_media(reduced_motion="no-preference")
        assert await watched.page.evaluate(_MOVES) != []


async def test_on_paper_the_furl_is_whole_and_nothing_to_press_is_printed(site: RunningSite, chrome: Chromium) -> None:
    async with at(_BY_NAME["furl"], site, chrome) as watched:
        page = watched.page
        await page.emulate_media(media="print", color_scheme="dark")
        await page.set_viewport_size({"width": 640, "height": 900})
        await expect(page.locator("#furl")).to_have_text(FURL)
        assert await page.evaluate(STICKS_OUT) == []
        for name in ("Copy the furl", "Sign in", "Skip to the content"):
            await expect(page.get_by_text(name, exact=True)).to_be_hidden()
        ink, paper = await page.evaluate(
            "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
        )
        assert (ink, paper) == ("rgb(0, 0, 0)", "rgb(255, 255, 255)")


async def test_letters_twice_as_large_do_not_make_a_page_scroll_sideways(site: RunningSite, chrome: Chromium) -> None:
    for name in ("home", "how", "help-connect", "service", "signup", "privacy"):
        async with at(_BY_NAME[name], site, chrome) as watched:
            await watched.page.set_viewport_size({"width": 640, "height": 800})
            await watched.page.evaluate("document.documentElement.style.fontSize = '200%'")
            assert await watched.page.evaluate(STICKS_OUT) == [], name
