"""A real Chromium with one person in front of it, who notices everything that a page does behind their back."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    WebError,
    async_playwright,
    expect,
)

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
NARROW: ViewportSize = {"width": 320, "height": 640}
WIDE: ViewportSize = {"width": 1280, "height": 900}
GOOD_CARD, DECLINED_CARD = "4242 4242 4242 4242", "4000 0000 0000 0002"
_PATIENCE = 20_000  # milliseconds, on a busy machine
_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
_QUIET += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
_OWN_STATUS = re.compile(r"Failed to load resource: the server responded with a status of (4\d\d|503)")
# What sticks out to the right of the window; nothing else explains a page that scrolls sideways.
STICKS_OUT = """() => document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
  [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
  .map((one) => one.outerHTML.slice(0, 80))"""


class Watched:
    """One window, and what was wrong in it."""

    def __init__(self, page: Page, allowed: set[str]) -> None:
        self.page = page
        self._allowed = allowed
        self._documents: set[str] = set()
        self.troubles: list[str] = []
        self.requests: list[tuple[str, str]] = []
        page.context.on("console", self._note_console)
        page.context.on("weberror", self._note_error)
        page.on("request", self._note_request)

    def _note_console(self, message: ConsoleMessage) -> None:
        # A page that is answered with 404 or 422 is reported as if it were a resource that another page lacks.
        is_own_status = _OWN_STATUS.match(message.text) and message.location["url"] in self._documents
        if message.type in {"error", "warning"} and not is_own_status:
            self.troubles.append(f"console: {message.text} ({message.location['url']})")

    def _note_error(self, error: WebError) -> None:
        self.troubles.append(f"uncaught: {error.error}")

    def _note_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        self.requests.append((request.resource_type, parts.path))
        if request.is_navigation_request():
            self._documents.add(request.url)
        if f"{parts.scheme}://{parts.netloc}" not in self._allowed and parts.scheme != "data":
            self.troubles.append(f"request to {request.url}")

    def asked_for(self, kind: str, path: str) -> int:
        """How often the window asked for this path, as this kind of resource."""
        return self.requests.count((kind, path))

    async def looks_right(self, name: str) -> None:
        """The page fits into a narrow window and has one main heading; with S4_PICTURES its pictures are kept."""
        for window, width in (("narrow", NARROW), ("wide", WIDE)):
            await self.page.set_viewport_size(width)
            assert await self.page.evaluate(STICKS_OUT) == [], f"{name} scrolls sideways when {window}"
            if os.environ.get("S4_PICTURES"):
                path = SCREENSHOTS / f"{name}-{window}.png"
                await self.page.screenshot(path=path, full_page=True, animations="disabled", caret="hide")
        assert await self.page.locator("h1").count() == 1, name

    async def sign_up(self, site: str, email: str) -> None:
        """From the home page, by clicking, to the payment page."""
        await self.page.goto(site)
        await self.page.get_by_role("link", name="See the plans").click()
        await self.page.get_by_role("link", name="Choose").first.click()
        await self.page.get_by_label("Your e-mail address").fill(email)
        await self.page.get_by_role("checkbox").check()
        await self.page.get_by_role("button", name="Go on to payment").click()
        await expect(self.page.get_by_role("heading", level=1)).to_have_text("Pay")


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Chromium of this machine. Where there is none the test is skipped at home and fails in CI."""
    program = shutil.which("chromium")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("not installed: chromium")
        pytest.skip("not installed: chromium")
    expect.set_options(timeout=_PATIENCE)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=_QUIET)
        yield browser
        await browser.close()


@asynccontextmanager
async def window(
    browser: Browser, *allowed: str, javascript: bool = True, dark: bool = False
) -> AsyncIterator[Watched]:
    """A fresh window. At the end nothing was wrong: no error, no policy violated, no request to anybody else."""
    context = await _context(browser, javascript=javascript, dark=dark)
    watched = Watched(await context.new_page(), set(allowed))
    try:
        yield watched
    finally:
        await context.close()
    assert watched.troubles == []


async def _context(browser: Browser, *, javascript: bool, dark: bool) -> BrowserContext:
    context = await browser.new_context(
        java_script_enabled=javascript,
        color_scheme="dark" if dark else "light",
        viewport=WIDE,
        reduced_motion="reduce",
    )
    context.set_default_timeout(_PATIENCE)
    return context
