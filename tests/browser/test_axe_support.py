"""What axe says of every page that operators see, in both themes, wide and narrow: nothing."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser as Chromium
from playwright.async_api import Page, expect

from browser.rules import ALL, LOOKS
from s4_contracts.provisioner import InstanceReady
from support.browser import NARROW, STICKS_OUT, Watched, window
from support.databases import KeptDatabases
from support.support_page import TOKEN, Customer, SupportPage, support_page


@pytest_asyncio.fixture(loop_scope="session")
async def desk(kept_databases: KeptDatabases) -> AsyncIterator[SupportPage]:
    async with support_page(await kept_databases.of("s4_support")) as page:
        yield page


async def sign_in(page: Page, desk: SupportPage, token: str = TOKEN) -> None:
    await page.goto(desk.settings.public_url)
    await page.get_by_label("Your operator's token").fill(token)
    await page.get_by_role("button", name="Sign in").click()


async def is_accessible(watched: Watched) -> None:
    page, axe = watched.page, Axe()
    for dark, size in ((False, None), (True, NARROW)):
        await page.emulate_media(color_scheme="dark" if dark else "light")
        if size:
            await page.set_viewport_size({"width": size["width"], "height": size["height"]})
            assert await page.evaluate(STICKS_OUT) == [], "the page scrolls sideways at 320 pixels"
        found = await axe.run(page, options=LOOKS if dark else ALL)
        assert found.violations_count == 0, f"dark={dark}: {found.generate_report()}"
    await page.set_viewport_size({"width": 1280, "height": 900})


async def test_axe_finds_nothing_where_operators_sign_in(desk: SupportPage, chrome: Chromium) -> None:
    async with window(chrome, desk.settings.origin) as watched:
        await watched.page.goto(desk.settings.public_url)
        await is_accessible(watched)
        await sign_in(watched.page, desk, "wrong")
        await expect(watched.page.get_by_role("alert")).to_have_text("No operator has this token.")
        await is_accessible(watched)


async def test_axe_finds_nothing_on_any_page_of_an_account(desk: SupportPage, chrome: Chromium) -> None:
    ada, eve = Customer(), Customer()
    eve.ids["host_id"] = ada.ids["host_id"]
    await desk.hears(*ada.everything(), eve.event(InstanceReady), story="one-story")
    async with window(chrome, desk.settings.origin) as watched:
        page, account = watched.page, f"{desk.settings.public_url}/accounts/{ada.account}"
        await sign_in(page, desk)
        await is_accessible(watched)
        for asked, heading in ((str(ada.ids["host_id"]), "More than one account"), ("nobody@x.org", "Nothing found")):
            await page.get_by_label("Any id, or an e-mail address").fill(asked)
            await page.get_by_role("button", name="Find").click()
            await expect(page.get_by_role("heading", level=2)).to_have_text(heading)
            await is_accessible(watched)
        for path in (
            account,
            account + "?service=nobody-has-told&kind=",
            f"{account}?service=web",
            f"{account}/letters/{ada.ids['letter_id']}/again",
            f"{account}/address",
            f"{desk.settings.public_url}/audit",
        ):
            await page.goto(path)
            await is_accessible(watched)


async def test_an_operator_finds_a_customer_and_sends_a_letter_again_without_javascript(
    desk: SupportPage, chrome: Chromium
) -> None:
    customer = Customer()
    told = [event for event in customer.everything() if type(event).__name__ != "GridDeleted"]
    await desk.hears(*told)
    await desk.clock.advance(timedelta(hours=1))
    async with window(chrome, desk.settings.origin, javascript=False) as watched:
        page = watched.page
        await sign_in(page, desk)
        await page.get_by_label("Any id, or an e-mail address").fill(str(customer.ids["letter_id"]))
        await page.get_by_role("button", name="Find").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text(customer.account)
        await page.get_by_role("link", name="Send again").click()
        await page.get_by_label("Why").fill("ticket 7")
        await page.get_by_role("button", name="Send it again").click()
        await expect(page.locator("strong").first).to_have_text("ada had a letter sent again: ticket 7")
        await desk.clock.advance(timedelta(seconds=1))
        await page.get_by_role("link", name="Send a new link").click()
        await page.get_by_label("Why").fill("ticket 8")
        await page.get_by_role("button", name="Send a new link").click()
        await expect(page.locator("strong").first).to_have_text("ada had a new link to the furl sent: ticket 8")
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert len(await desk.emitted()) == 2


async def test_pictures_of_the_page_are_kept(desk: SupportPage, chrome: Chromium) -> None:
    customer = Customer()
    await desk.hears(*customer.everything(), story="one-story")
    for dark in (False, True):
        async with window(chrome, desk.settings.origin, dark=dark) as watched:
            await sign_in(watched.page, desk)
            await watched.looks_right(f"support-find-{'dark' if dark else 'light'}")
            await watched.page.goto(f"{desk.settings.public_url}/accounts/{customer.account}")
            await watched.looks_right(f"support-account-{'dark' if dark else 'light'}")
