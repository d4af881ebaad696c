"""Real browsers at the shop of all journeys: one Chromium for each test, a window of its own for each person."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from s4_shop.shop import Shop
from support.browser import Watched, chromium, window


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
async def person(shop: Shop, browser: Browser) -> AsyncIterator[Watched]:
    """Somebody with a mouse."""
    async with window(browser, shop.urls["site"], shop.urls["stripe"]) as watched:
        yield watched
