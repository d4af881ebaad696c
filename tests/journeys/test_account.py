"""An owner's way through the account in a real browser without JavaScript, against the real billing and its Stripe."""

import re
import time
from collections.abc import AsyncIterator
from urllib.parse import urljoin

import aiohttp
import pytest
from playwright.async_api import Page, expect

from s4_shop.demo.customer import Customer
from s4_shop.demo.progress import Progress
from s4_shop.shop import Shop
from support.browser import Watched, chromium, window
from support.waiting import until

_LINK = re.compile(r"https?://\S+/sign-in/link\?token=[\w.~-]+")


@pytest.fixture
async def person(shop: Shop) -> AsyncIterator[Watched]:
    async with (
        chromium() as browser,
        window(browser, shop.urls["site"], shop.urls["stripe"], javascript=False) as watched,
    ):
        yield watched


async def a_customer(shop: Shop, name: str) -> str:
    """The address of somebody whose payment the site knows of."""
    email = f"{name}-{time.time_ns()}@example.com"
    async with Customer(shop.urls["site"]) as customer:
        await customer.sign_up(email)
        await customer.pay()

        async def is_paid() -> bool:
            progress = Progress()
            progress.read(await customer.open(urljoin(shop.urls["site"], "/status")))
            return progress.state in {"provisioning", "ready"}

        await until(is_paid, within=60, what="the payment is known")
    return email


async def sign_in(shop: Shop, page: Page, email: str) -> None:
    """The link in the letter was followed, and its button pressed."""
    site = shop.urls["site"]
    await page.goto(urljoin(site, "/account"))
    links: list[str] = []

    async def has_come() -> bool:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{shop.urls['inbox']}/api/letters", params={"to": email}) as answer,
        ):
            letters = (await answer.json())["letters"]
        links[:] = [found for letter in letters for found in _LINK.findall(letter["text"])]
        return bool(links)

    await page.get_by_label("Your e-mail address").fill(email)
    await page.get_by_role("button", name="Send me a link").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    await until(has_come, within=30, what=f"the letter to {email}")
    await page.goto(links[0])
    await page.get_by_role("button", name="Sign in").click()


async def test_an_owner_signs_in_leaves_stays_and_takes_a_larger_plan(shop: Shop, person: Watched) -> None:
    page, site, stripe = person.page, shop.urls["site"], shop.urls["stripe"]
    email = await a_customer(shop, "owner")
    heading, state = page.get_by_role("heading", level=1), page.locator("#state")
    await sign_in(shop, page, email)
    await expect(heading).to_have_text("Personal")
    await expect(state).to_have_text("Active")
    await expect(page.locator("#next-amount")).to_contain_text("$25")
    await expect(page.locator("#invoices tbody tr")).to_have_count(1)
    await person.looks_right("journey-account")
    account = page.url

    document = await page.get_by_role("link", name="PDF").get_attribute("href")
    answer = await page.request.get(urljoin(site, str(document)))
    assert answer.url.startswith(stripe)
    assert (await answer.body()).startswith(b"%PDF")

    await page.get_by_role("link", name="Cancel my subscription").click()
    await page.get_by_role("button", name="Cancel my subscription").click()
    await expect(page.get_by_role("status")).to_contain_text("Your subscription is cancelled")
    await expect(state).to_have_text("Ends soon")
    await page.get_by_role("button", name="Keep my subscription").click()
    await expect(page.get_by_role("status")).to_contain_text("goes on as before")
    await expect(state).to_have_text("Active")

    await page.get_by_role("link", name="Change plan").click()
    await page.get_by_role("button", name="Show me the amount").click()
    amount = await page.locator("#amount-now").inner_text()
    await person.looks_right("journey-plan-preview")
    await page.get_by_role("button", name="and change").click()
    await expect(page.get_by_role("status")).to_contain_text("Your plan is")
    await expect(heading).not_to_have_text("Personal")
    await expect(page.locator("#invoices tbody tr")).to_have_count(2)
    await expect(page.locator("#invoices tbody tr").first).to_contain_text(amount)

    await page.get_by_role("button", name="Billing details at Stripe").click()
    await page.wait_for_url(f"{stripe}/**")
    await page.goto(account)
    await page.get_by_role("link", name="Cancel my subscription").click()
    await page.get_by_label("Now").check()
    await page.get_by_role("button", name="Cancel my subscription").click()
    await expect(state).to_have_text("Ended")
    await expect(page.locator("#lead")).to_contain_text("What is stored is kept until")
    await person.looks_right("journey-account-ended")
    await page.get_by_role("button", name="Sign out").click()
    await page.goto(account)
    await expect(heading).to_have_text("Sign in")
