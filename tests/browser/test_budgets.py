"""What a page costs: bytes, requests, what the first picture waits for, the document's size, and no shift at all."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Browser as Chromium
from playwright.async_api import Page

from browser.cost import Cost, Meter
from browser.pages import PAGES
from browser.places import Place
from browser.walk import at
from support.browser import NARROW, WIDE
from support.web_site import RunningSite

BUDGETS = tomllib.loads((Path(__file__).parent / "budgets.toml").read_text())
PUBLIC = [place for place in PAGES if place.is_public and place.act is None]


def budget_of(place: Place) -> dict[str, float]:
    return {**BUDGETS["every-page"], **BUDGETS.get(place.name, {})}


async def cost_of(place: Place, site: RunningSite, chrome: Chromium) -> Cost:
    """On a phone, with the shifts of the same page on a desk."""
    meters = []

    async def begin(page: Page) -> None:
        await page.set_viewport_size(NARROW)
        meters.append(await Meter.on(page))

    async with at(place, site, chrome, before=begin) as watched:
        cost = await meters[0].cost()
        await watched.page.set_viewport_size(WIDE)
        await watched.page.reload()
        on_a_desk = await meters[0].shifts()
    return msgspec.structs.replace(cost, shifts=[*cost.shifts, *on_a_desk])


@pytest.mark.parametrize("place", PUBLIC, ids=lambda place: place.name)
async def test_a_page_for_anybody_keeps_to_its_budget(
    place: Place, site: RunningSite, chrome: Chromium, record_property: Callable[[str, object], None]
) -> None:
    budget = budget_of(place)
    cost = await cost_of(place, site, chrome)
    assert cost.shifts == []
    assert cost.layout_shift <= budget["layout_shift"]
    assert cost.bytes <= budget["bytes"]
    assert cost.requests <= budget["requests"]
    assert len(cost.blocking) <= budget["sheets"], cost.blocking
    assert all(path.endswith(".css") for path in cost.blocking)
    assert cost.scripts <= budget["scripts"]
    assert cost.elements <= budget["elements"]
    assert cost.depth <= budget["depth"]
    assert cost.unsized == []
    told = f"{cost.bytes:,} bytes in {cost.requests} requests, {cost.elements} elements, no shift"
    record_property("note", f"page {place.name}: {told}")


def test_home_and_signup_may_have_60_kb_and_every_budget_is_of_a_page() -> None:
    assert BUDGETS["home"]["bytes"] <= 60_000
    assert BUDGETS["signup"]["bytes"] <= 60_000
    assert {*BUDGETS} - {"every-page"} <= {place.name for place in PUBLIC}
