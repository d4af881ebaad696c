"""What people do at the shop's front doors, in a window or, where nobody looks, at the wire."""

import re
import time
from urllib.parse import urljoin

from playwright.async_api import FrameLocator, Page, expect

from s4_shop.demo.customer import Customer
from s4_shop.demo.progress import Progress
from s4_shop.shop import Shop
from support.browser import GOOD_CARD, Watched
from support.ledger import Ledger
from support.waiting import until

GRID_TIMEOUT = 90_000  # milliseconds, on a busy machine
_SIGN_IN = re.compile(r"https?://\S+/sign-in/link\?token=[\w.~-]+")


def an_address(name: str) -> str:
    return f"{name}-{time.time_ns()}@example.com"


async def pay(place: Page | FrameLocator, number: str) -> None:
    """The payment form is sent with this card."""
    await place.get_by_label("Card number").fill(number)
    await place.get_by_label("Expiry").fill("12 / 34")
    await place.get_by_label("Security code").fill("123")
    await place.get_by_label("Name on card").fill("Test Customer")
    await place.get_by_label("Country").select_option("DE")
    await place.get_by_label("Postal code").fill("10115")
    await place.get_by_role("button", name="Subscribe").click()


async def sign_up_and_pay(shop: Shop, person: Watched, name: str) -> str:
    """Paid in our page, which has become the status page; the address."""
    email = an_address(name)
    await person.sign_up(shop.urls["site"], email)
    await pay(person.page.frame_locator("#checkout iframe"), GOOD_CARD)
    await person.page.wait_for_url("**/status")
    return email


async def a_customer(shop: Shop, name: str, *states: str) -> str:
    """The address of somebody whose payment the site knows of, and whose grid is in one of these states by now."""
    email = an_address(name)
    async with Customer(shop.urls["site"]) as customer:
        await customer.sign_up(email)
        await customer.pay()

        async def is_there() -> bool:
            progress = Progress()
            progress.read(await customer.open(urljoin(shop.urls["site"], "/status")))
            return progress.state in (states or ("provisioning", "ready"))

        await until(is_there, within=90, what="the payment is known")
    return email


async def sign_in(shop: Shop, page: Page, email: str) -> None:
    """The link in the letter was followed, and its button pressed."""
    await page.goto(urljoin(shop.urls["site"], "/account"))
    links: list[str] = []

    async def has_come() -> bool:
        links[:] = [found for letter in await Ledger(shop).letters(email) for found in _SIGN_IN.findall(letter["text"])]
        return bool(links)

    await page.get_by_label("Your e-mail address").fill(email)
    await page.get_by_role("button", name="Send me a link").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    await until(has_come, within=30, what=f"the letter to {email}")
    await page.goto(links[0])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Personal")


async def give_card(page: Page, stripe: str, number: str) -> None:
    """Another card is on file: typed at Stripe, and back."""
    account = page.url.partition("?")[0]
    await page.get_by_role("button", name="Change card").click()
    await page.wait_for_url(f"{stripe}/**")
    typed = {"#number": number, "#expiry": "11 / 39", "#cvc": "123", "#name": "The Owner", "#postal_code": "10115"}
    for field, text in typed.items():
        await page.locator(field).fill(text)
    await page.locator("#country").select_option("DE")
    await page.get_by_role("button", name="Add the card").click()
    await page.get_by_role("link", name="Go back").click()
    await page.wait_for_url(f"{account}?done=portal")
