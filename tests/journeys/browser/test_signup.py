"""The way to a furl in a real browser: with a mouse, without JavaScript, and with the keyboard alone."""

import re
from urllib.parse import urljoin

from playwright.async_api import Browser, Page, expect

from s4_shop.shop import Shop
from support.browser import DECLINED_CARD, GOOD_CARD, Watched, window
from support.visits import GRID_TIMEOUT, an_address, pay
from support.waiting import until

STEPS = ["identity", "bucket", "credentials", "host", "boot", "node", "dns", "proof", "letter"]
# Notes, in a page that must not be left, every state that its list of steps was ever in.
_WATCH_STEPS = """() => {
  window.seen = [];
  const note = () => {
    const states = [...document.querySelectorAll("[data-step]")].map((one) => one.dataset.state).join(" ");
    if (window.seen.at(-1) !== states) { window.seen.push(states); }
  };
  note();
  new MutationObserver(note).observe(document.getElementById("status"), { childList: true, subtree: true });
}"""


async def open_letter(shop: Shop, page: Page, email: str) -> None:
    """The link in the letter to this address has been clicked, in the inbox."""
    mail = await page.context.new_page()
    row = mail.get_by_role("row").filter(has_text=email).filter(has_text="Your storage grid is ready")

    async def has_come() -> bool:
        await mail.goto(shop.urls["inbox"])
        return await row.count() > 0

    await until(has_come, within=30, what=f"the letter to {email}")
    await row.get_by_role("link").click()
    link = await mail.locator("pre a").filter(has_text="/claim?token=").get_attribute("href")
    assert link is not None
    assert link.startswith(shop.urls["site"])
    await mail.close()
    await page.goto(link)


async def states(page: Page) -> dict[str, str | None]:
    """What the page shows for each step."""
    return {
        str(await step.get_attribute("data-step")): await step.get_attribute("data-state")
        for step in await page.locator("[data-step]").all()
    }


async def test_a_person_pays_in_the_page_watches_the_grid_being_made_and_takes_the_furl(
    shop: Shop, person: Watched
) -> None:
    page, email = person.page, an_address("mouse")
    await person.sign_up(shop.urls["site"], email)
    frame = page.frame_locator("#checkout iframe")
    await expect(frame.get_by_role("heading", level=1)).to_have_text("Subscribe")
    await person.looks_right("pay")
    await pay(frame, DECLINED_CARD)
    await expect(frame.get_by_role("alert")).to_contain_text("declined")
    await person.looks_right("pay-declined")
    assert page.url == urljoin(shop.urls["site"], "/pay")
    await pay(frame, GOOD_CARD)

    await page.wait_for_url("**/status")
    await page.evaluate(_WATCH_STEPS)
    status = page.locator("#status")
    await expect(status).to_have_attribute("data-state", "provisioning", timeout=GRID_TIMEOUT)
    await person.looks_right("status-under-way")
    await expect(status).to_have_attribute("data-state", "ready", timeout=GRID_TIMEOUT)
    await expect(page.locator('[data-step="letter"]')).to_have_attribute("data-state", "done", timeout=GRID_TIMEOUT)
    assert await states(page) == dict.fromkeys(STEPS, "done")
    seen = await page.evaluate("window.seen")
    # Short steps may come in one message; the long ones come one by one.
    assert len(seen) >= len(STEPS) // 2, "the list changed in one stroke, not step by step"
    assert any("doing" in one for one in seen)
    assert person.asked_for("document", "/status") == 1, "the page was loaded again instead of changing"
    assert person.asked_for("eventsource", "/status/events") >= 1
    await expect(page).to_have_title("Your grid is ready: S4")
    await person.looks_right("status-ready")

    await open_letter(shop, page, email)
    await person.looks_right("claim")
    await page.get_by_role("button", name="Show my furl").click()
    furl = await page.locator("#furl").inner_text()
    assert re.fullmatch(r"pb://[a-z2-7]{32}@[\w.:,-]+/[a-z2-7]{32}", furl)
    await person.looks_right("furl")
    await the_commands_name(page, furl)
    await copying_gives(page, shop.urls["site"], furl)
    await page.goto(urljoin(shop.urls["site"], "/status"))
    await expect(page.locator("#status")).to_contain_text("You have opened your link")


async def the_commands_name(page: Page, furl: str) -> None:
    """A person who pastes the commands gets a client of this grid."""
    create = await page.locator("#create").inner_text()
    assert f"--introducer={furl}" in create.replace("'", "").replace('"', "")
    for option in ("--shares-needed=1", "--shares-happy=1", "--shares-total=1"):
        assert option in create
    assert (await page.locator("#run").inner_text()).startswith("tahoe run")


async def copying_gives(page: Page, site: str, furl: str) -> None:
    """The button puts the furl, and nothing else, into the clipboard, and says so."""
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site)
    button = page.locator('button[data-copy="furl"]')
    await button.click()
    await expect(button).to_have_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == furl


async def test_without_javascript_the_same_way_leads_to_a_furl(shop: Shop, browser: Browser) -> None:
    site, email = shop.urls["site"], an_address("plain")
    async with window(browser, site, shop.urls["stripe"], javascript=False) as person:
        page = person.page
        await person.sign_up(site, email)
        await expect(page.locator("#checkout")).to_be_hidden()
        await person.looks_right("plain-pay")
        await page.get_by_role("button", name="Pay on Stripe").click()
        await pay(page, DECLINED_CARD)
        await expect(page.get_by_role("alert")).to_contain_text("declined")
        await pay(page, GOOD_CARD)
        await page.wait_for_url("**/status")
        heading = page.get_by_role("heading", level=1)
        await expect(heading).to_have_text("Your grid is ready", timeout=GRID_TIMEOUT)
        assert person.asked_for("document", "/status") >= 2, "the page did not renew itself"
        await expect(page.locator('[data-step="letter"]')).to_have_attribute("data-state", "done")
        await open_letter(shop, page, email)
        await page.get_by_role("button", name="Show my furl").click()
        assert (await page.locator("#furl").inner_text()).startswith("pb://")
        await expect(page.locator("[data-copy]").first).to_be_hidden()
        await person.looks_right("plain-furl")


async def test_the_signup_form_needs_no_mouse(shop: Shop, person: Watched) -> None:
    page = person.page
    await page.goto(urljoin(shop.urls["site"], "/signup"))
    keyboard, focused = page.keyboard, page.locator(":focus")
    await keyboard.press("Tab")
    await expect(focused).to_have_text("Skip to the content")
    await expect(focused).to_be_in_viewport()
    await keyboard.press("Enter")
    await keyboard.press("Tab")
    await expect(focused).to_have_attribute("id", "email")
    await keyboard.type("not an address")
    await keyboard.press("Enter")
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("Please check the form")
    await expect(page).to_have_title("Please check your signup: S4")
    await person.looks_right("signup-problems")
    await alert.get_by_role("link").first.focus()
    await keyboard.press("Enter")
    await expect(focused).to_have_attribute("id", "email")
    await keyboard.press("Control+A")
    await keyboard.type(an_address("keys"))
    await keyboard.press("Tab")
    await expect(focused).to_have_attribute("id", "language")
    await keyboard.press("Tab")
    await keyboard.press("Space")
    await keyboard.press("Tab")
    await expect(focused).to_have_attribute("id", "terms")
    await keyboard.press("Space")
    await expect(focused).to_be_checked()
    await keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Pay")
