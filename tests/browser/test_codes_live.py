"""A page with an open code follows what becomes of it by itself, and copies what it shows."""

from playwright.async_api import Browser as Chromium
from playwright.async_api import expect

from browser.connect_pages import a_code_is_open, the_keeper_is_away
from browser.places import Place
from browser.walk import at
from support.web_site import RunningSite

_INVITES = "/account/{account_id}/invites"
OPEN = Place("open", _INVITES, who="member", arrange=a_code_is_open)
AWAY = Place("away", _INVITES, who="member", arrange=the_keeper_is_away)


async def test_the_page_tells_that_the_code_does_not_work_now_and_then_that_it_was_used(
    site: RunningSite, chrome: Chromium
) -> None:
    async with at(OPEN, site, chrome) as watched:
        page = watched.page
        await expect(page.locator("#waiting")).to_contain_text("Waiting for a client")
        site.invites.is_connected = False
        await expect(page.locator("#waiting")).to_contain_text("It does not work at this moment")
        site.invites.is_connected = True
        await expect(page.locator("#waiting")).to_contain_text("Waiting for a client")
        site.invites.end("claimed")
        await expect(page.locator("#used")).to_contain_text("a client is connected to your grid")
        await expect(page.locator("#code")).to_have_count(0)
        asked = watched.asked_for("fetch", page.url.removeprefix(site.origin))
        assert asked >= 3
        await expect(page.locator("#make button")).to_be_enabled()


async def test_the_page_finds_the_code_again_when_its_keeper_is_back(site: RunningSite, chrome: Chromium) -> None:
    async with at(AWAY, site, chrome) as watched:
        await expect(watched.page.locator("#away")).to_be_visible()
        site.invites.is_down = False
        await expect(watched.page.locator("#code")).to_have_text(str(site.invites.newest["code"]))
        await expect(watched.page.locator("[data-copy='code']")).to_be_visible()
        await expect(watched.page.locator("#away")).to_have_count(0)


async def test_an_open_drawing_stays_open_while_the_page_follows(site: RunningSite, chrome: Chromium) -> None:
    async with at(OPEN, site, chrome) as watched:
        page = watched.page
        await page.get_by_text("Show it as a code to scan").click()
        path = page.url.removeprefix(site.origin)
        async with page.expect_response(f"**{path}"):
            pass
        async with page.expect_response(f"**{path}"):
            pass
        await expect(page.locator(".qr")).to_be_visible()


async def test_the_code_is_copied_by_its_button(site: RunningSite, chrome: Chromium) -> None:
    async with at(OPEN, site, chrome) as watched:
        page = watched.page
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.get_by_role("button", name="Copy the code").click()
        await expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert await page.evaluate("navigator.clipboard.readText()") == site.invites.newest["code"]
        await expect(page.get_by_role("button", name="Copy the code")).to_be_visible()


async def test_without_scripts_the_page_renews_itself_and_has_no_dead_buttons(
    site: RunningSite, chrome: Chromium
) -> None:
    async with at(OPEN, site, chrome, javascript=False) as watched:
        assert 'http-equiv="refresh" content="10"' in await watched.page.content()
        await expect(watched.page.locator("[data-copy='code']")).to_be_hidden()
        await watched.page.get_by_role("button", name="Withdraw this code").click()
        await expect(watched.page.get_by_role("status")).to_contain_text("The code is withdrawn")
