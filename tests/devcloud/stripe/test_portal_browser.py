"""The portal in a real browser, by the words that people see."""

import aiohttp
import stripe
from playwright.async_api import Page, expect

from devcloud.stripe.shop import a_form, a_subscription
from devcloud.stripe.visitor import a_portal


async def type_card_in(page: Page, number: str) -> None:
    for name, value in a_form(number).items():
        if name == "country":
            await page.locator("#country").select_option(value)
        else:
            await page.locator(f"#{name}").fill(value)
    await page.get_by_role("button", name="Add the card").click()


async def test_a_customer_adds_a_card_and_cancels_and_thinks_better_of_it(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, page: Page
) -> None:
    subscription = await a_subscription(client, browser)
    await page.goto((await a_portal(client, str(subscription.customer))).url)
    await expect(page.get_by_role("heading", name="Your billing")).to_be_visible()
    await page.get_by_role("link", name="Add a card").click()
    await type_card_in(page, "4000000000000002")
    await expect(page.get_by_role("alert")).to_contain_text("Your card was declined.")
    await type_card_in(page, "4000002500003155")
    await page.get_by_role("button", name="Complete").click()
    await expect(page.get_by_text("•••• 3155")).to_be_visible()
    await page.get_by_role("link", name="Cancel the plan").click()
    await page.get_by_role("button", name="Cancel the plan").click()
    await expect(page.get_by_text("It does not renew.")).to_be_visible()
    await page.get_by_role("button", name="Do not cancel").click()
    await expect(page.get_by_text("Renews on")).to_be_visible()
    assert (await client.v1.subscriptions.retrieve_async(subscription.id)).cancel_at is None


async def test_a_finished_card_flow_leads_back_to_the_site_that_opened_it(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, page: Page
) -> None:
    subscription = await a_subscription(client, browser)
    await page.route("http://shop.test/**", lambda route: route.fulfill(body="back in the shop"))
    after = {"type": "redirect", "redirect": {"return_url": "http://shop.test/thanks"}}
    session = await a_portal(
        client,
        str(subscription.customer),
        return_url=None,
        flow_data={"type": "payment_method_update", "after_completion": after},
    )
    await page.goto(session.url)
    await type_card_in(page, "4242424242424242")
    await page.wait_for_url("http://shop.test/thanks")
