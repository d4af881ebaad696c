"""Pictures of every page for people to look at, in build/screenshots/pages: phone, tablet and desk, light and dark."""

import pytest
from playwright.async_api import Browser as Chromium

from browser.pages import PAGES
from browser.places import Place
from browser.walk import at
from support.browser import SCREENSHOTS
from support.web_site import RunningSite

pytestmark = pytest.mark.long

WIDTHS = {"phone": 320, "tablet": 768, "desk": 1280}


@pytest.mark.parametrize("place", PAGES, ids=lambda place: place.name)
async def test_every_page_is_pictured(place: Place, site: RunningSite, chrome: Chromium) -> None:
    folder = SCREENSHOTS / "pages"
    folder.mkdir(parents=True, exist_ok=True)
    async with at(place, site, chrome) as watched:
        for shade in ("light", "dark"):
            await watched.page.emulate_media(color_scheme=shade)
            for name, width in WIDTHS.items():
                await watched.page.set_viewport_size({"width": width, "height": 800})
                await watched.page.screenshot(path=folder / f"{place.name}-{name}-{shade}.png", full_page=True)
                assert await watched.page.evaluate("scrollX") == 0
