"""Real browsers at the shop of all journeys: one Chromium for each test, a window of its own for each person."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from s4_shop.shop import Shop
from support.browser import Watched, chromium, window

_HERE = "tests/journeys/browser/"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
async def person(shop: Shop, browser: Browser) -> AsyncIterator[Watched]:
    """Somebody with a mouse."""
    async with window(browser, shop.urls["site"], shop.urls["stripe"]) as watched:
        yield watched


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How long all journeys here took, with the start and the end of the shop where they were theirs."""
    reports = [each for kind in ("", "passed", "failed") for each in terminalreporter.getreports(kind)]
    seconds = [each.duration for each in reports if each.nodeid.startswith(_HERE)]
    if seconds:
        terminalreporter.write_line(f"browser journeys: {sum(seconds):.0f} s in all")
