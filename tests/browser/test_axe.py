"""What axe (WCAG 2.2, levels A and AA, and its own good practice) says of every page of the site: nothing."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser as Chromium

from browser.pages import PAGES
from browser.places import Place
from browser.rules import ALL, LOOKS
from browser.walk import at
from support.browser import NARROW, STICKS_OUT
from support.web_site import RunningSite

_LONG = [pytest.mark.long]
# Beside one state of each page: what says that something was wrong, and what people come for.
_ALSO = {
    "signup-problems",
    "email-problem",
    "erase-problem",
    "plans-billing-down",
    "status-ready",
    "furl",
    "export-keys",
}
_PATHS = [place.path.partition("?")[0] for place in PAGES]
STATES = [
    pytest.param(place, id=place.name, marks=[] if path not in _PATHS[:number] or place.name in _ALSO else _LONG)
    for number, (place, path) in enumerate(zip(PAGES, _PATHS, strict=True))
]


@pytest.mark.parametrize("place", STATES)
async def test_axe_finds_nothing(place: Place, site: RunningSite, chrome: Chromium) -> None:
    async with at(place, site, chrome) as watched:
        found = await Axe().run(watched.page, options=ALL)
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("place", PAGES, ids=lambda place: place.name)
@pytest.mark.long
async def test_axe_finds_nothing_in_the_dark_and_narrow(place: Place, site: RunningSite, chrome: Chromium) -> None:
    async with at(place, site, chrome) as watched:
        await watched.page.emulate_media(color_scheme="dark")
        await watched.page.set_viewport_size(NARROW)
        assert await watched.page.evaluate(STICKS_OUT) == [], "the page scrolls sideways at 320 pixels"
        found = await Axe().run(watched.page, options=ALL if place.is_public else LOOKS)
        assert found.violations_count == 0, found.generate_report()
