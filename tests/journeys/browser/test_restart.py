"""A status page that is open while the site is restarted stays, says so, and goes on by itself."""

from signal import SIGTERM

from playwright.async_api import expect

from s4_shop.shop import Shop
from support.browser import Watched
from support.visits import GRID_TIMEOUT, sign_up_and_pay


async def test_who_watches_through_a_restart_of_the_site_sees_the_grid_become_ready(
    shop: Shop, person: Watched
) -> None:
    page, status = person.page, person.page.locator("#status")
    await sign_up_and_pay(shop, person, "restart")
    await expect(status).to_have_attribute("data-state", "provisioning", timeout=GRID_TIMEOUT)
    await shop.kill("web", SIGTERM, hold=True)
    await expect(page.locator("#live")).to_be_visible()
    await expect(page.locator("#live")).to_contain_text("your grid is not affected")
    await shop.start("web")
    await expect(status).to_have_attribute("data-state", "ready", timeout=GRID_TIMEOUT)
    await expect(page.locator('[data-step="letter"]')).to_have_attribute("data-state", "done", timeout=GRID_TIMEOUT)
    await expect(page.locator("#live")).to_be_hidden()
    assert person.asked_for("document", "/status") == 1, "the page was loaded again instead of going on"
    assert person.asked_for("eventsource", "/status/events") >= 1
    # Whoever could not be reached is in the browser's own log, and nothing else is.
    person.troubles = [words for words in person.troubles if "net::ERR_" not in words]
