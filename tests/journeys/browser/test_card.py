"""A card that the bank refuses, and another one that it does not."""

from playwright.async_api import expect

from s4_shop.shop import Shop
from support.browser import Watched
from support.visits import a_customer, give_card, sign_in

REFUSED_LATER = "4000 0000 0000 0341"  # it can be given, and is declined whenever it is charged
ANOTHER = "5555 5555 5555 4444"


async def test_a_card_that_fails_charges_nothing_changes_nothing_and_is_replaced(shop: Shop, person: Watched) -> None:
    page, heading = person.page, person.page.get_by_role("heading", level=1)
    await sign_in(shop, page, await a_customer(shop, "card"))
    account = page.url
    await give_card(page, shop.urls["stripe"], REFUSED_LATER)
    await wants_the_larger_plan(person)
    await expect(heading).to_have_text("Your card was declined")
    await expect(page.locator("main")).to_contain_text("nothing was charged")
    await person.looks_right("journey-card-declined")
    await page.goto(account)
    await expect(heading).to_have_text("Personal")
    await give_card(page, shop.urls["stripe"], ANOTHER)
    await wants_the_larger_plan(person)
    await expect(page.get_by_role("status")).to_contain_text("Your plan is")
    await expect(heading).not_to_have_text("Personal")
    await expect(page.locator("#state")).to_have_text("Active")


async def wants_the_larger_plan(person: Watched) -> None:
    """Chosen, looked at, and pressed."""
    await person.page.get_by_role("link", name="Change plan").click()
    await person.page.get_by_role("button", name="Show me the amount").click()
    await person.page.get_by_role("button", name="and change").click()
