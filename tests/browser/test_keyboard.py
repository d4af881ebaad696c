"""Every page can be used from the keyboard alone: all that can be pressed is reached, in order, and is seen to be."""

from typing import Any

import pytest
from playwright.async_api import Browser as Chromium
from playwright.async_api import Page, expect

from browser.pages import PAGES
from browser.places import Place
from browser.walk import at
from support.browser import NARROW
from support.web_site import RunningSite

_MOST = 150  # presses; a page on which the focus goes in circles ends the walk before
# All that a person can reach: of radio buttons of one name only one.
_REACHABLE = """() => {
  const seen = new Set();
  window.places = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")]
    .filter((one) => !one.disabled && one.type !== "hidden" && one.tabIndex >= 0 && one.checkVisibility())
    .filter((one) => one.type !== "radio" || (!seen.has(one.name) && seen.add(one.name)));
  window.scrollTo(0, 0);
  return window.places.length;
}"""
# Where the focus is, and what is wrong with that; WCAG 2.2: 2.4.7 (visible), 2.4.11 (not obscured).
_FOCUS = """async () => {
  const one = document.activeElement;
  if (one === document.body) { return null; }
  await new Promise((done) => requestAnimationFrame(done));
  const box = one.getBoundingClientRect(), style = getComputedStyle(one), wrong = [];
  const isOne = (each) => each === one || (one.type === "radio" && each.name === one.name);
  const at = window.places.findIndex(isOne);
  if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) { wrong.push("no outline"); }
  const isSeen = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  if (!isSeen) { wrong.push("out of sight"); }
  const line = one.getClientRects()[0];
  const top = document.elementFromPoint(line.left + line.width / 2, line.top + line.height / 2);
  if (top && !one.contains(top) && !top.contains(one)) { wrong.push("covered by " + top.outerHTML.slice(0, 60)); }
  return { at, wrong, what: one.outerHTML.slice(0, 80) };
}"""


async def walk(page: Page) -> tuple[int, list[dict[str, Any]]]:
    """How many places there are, and what Tab came to from the top of the page until it left it."""
    many = int(await page.evaluate(_REACHABLE))
    found: list[dict[str, Any]] = []
    for _ in range(_MOST):
        await page.keyboard.press("Tab")
        focus = await page.evaluate(_FOCUS)
        if focus is None or (found and focus["at"] == found[0]["at"]):
            break
        found.append(focus)
    return many, found


def is_often_used(place: Place) -> bool:
    return place.is_public or place.name in {"status-ready", "account", "claim"}


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(place, id=place.name, marks=[] if is_often_used(place) else [pytest.mark.long])
        for place in PAGES
        if place.act is None and place.status == 200
    ],
)
async def test_tab_comes_to_all_that_can_be_pressed_in_order_and_in_sight(
    place: Place, site: RunningSite, chrome: Chromium
) -> None:
    async with at(place, site, chrome) as watched:
        await watched.page.set_viewport_size(NARROW)
        many, found = await walk(watched.page)
    assert [focus for focus in found if focus["wrong"]] == []
    assert [focus["at"] for focus in found] == [*range(many)]
    assert found[0]["what"].startswith('<a class="skip"')


async def test_the_first_link_leads_past_the_navigation(site: RunningSite, chrome: Chromium) -> None:
    for place in (place for place in PAGES if place.name in {"home", "help", "status-ready"}):
        async with at(place, site, chrome) as watched:
            page = watched.page
            await page.keyboard.press("Tab")
            await expect(page.locator(":focus")).to_have_text("Skip to the content")
            await page.keyboard.press("Enter")
            await page.keyboard.press("Tab")
            assert await page.evaluate("document.activeElement.closest('main') !== null"), place.name


async def test_the_history_of_the_service_opens_without_a_mouse(site: RunningSite, chrome: Chromium) -> None:
    place = next(place for place in PAGES if place.name == "service-in-trouble")
    async with at(place, site, chrome, javascript=False) as watched:
        page = watched.page
        await expect(page.get_by_role("table")).to_be_hidden()
        await page.locator("summary").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("row")).to_have_count(31)
        await expect(page.get_by_role("row").filter(has_text="26 Feb")).to_contain_text("down")
