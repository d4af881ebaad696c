"""An owner's way through the account in a real browser without JavaScript, and an operator's at a terminal."""

import re
from collections.abc import AsyncIterator
from urllib.parse import urljoin

import msgspec
import pytest
from playwright.async_api import Page, expect

from s4_shop.shop import Shop
from support.browser import Watched, chromium, window
from support.ledger import Ledger
from support.operator_cli import typed_at
from support.stripe_double import StripeDouble
from support.visits import a_customer, give_card, sign_in
from support.waiting import until


@pytest.fixture
async def person(shop: Shop) -> AsyncIterator[Watched]:
    async with (
        chromium() as browser,
        window(browser, shop.urls["site"], shop.urls["stripe"], javascript=False) as watched,
    ):
        yield watched


@pytest.fixture
def stripe(shop: Shop) -> StripeDouble:
    return StripeDouble(shop.urls["stripe"], shop.urls["stripe-control"], shop.secrets["stripe-secret-key"])


async def open_the_bill(page: Page, stripe: StripeDouble) -> None:
    """The only bill is a file at Stripe."""
    document = await page.get_by_role("link", name="PDF").get_attribute("href")
    answer = await page.request.get(urljoin(page.url, str(document)))
    assert answer.url.startswith(stripe.api)
    assert (await answer.body()).startswith(b"%PDF")


async def leave_and_stay(page: Page) -> None:
    state, said = page.locator("#state"), page.get_by_role("status")
    await page.get_by_role("link", name="Cancel my subscription").click()
    await page.get_by_role("button", name="Cancel my subscription").click()
    await expect(said).to_contain_text("Your subscription is cancelled")
    await expect(state).to_have_text("Ends soon")
    await page.get_by_role("button", name="Keep my subscription").click()
    await expect(said).to_contain_text("goes on as before")
    await expect(state).to_have_text("Active")


async def take_a_larger_plan(page: Page, person: Watched) -> str:
    """What was shown, and is on the bill."""
    await page.get_by_role("link", name="Change plan").click()
    await page.get_by_role("button", name="Show me the amount").click()
    amount = await page.locator("#amount-now").inner_text()
    await person.looks_right("journey-plan-preview")
    await page.get_by_role("button", name="and change").click()
    await expect(page.get_by_role("status")).to_contain_text("Your plan is")
    await expect(page.get_by_role("heading", level=1)).not_to_have_text("Personal")
    await expect(page.locator("#invoices tbody tr")).to_have_count(2)
    await expect(page.locator("#invoices tbody tr").first).to_contain_text(amount)
    return amount


async def leave_now(page: Page, person: Watched) -> None:
    await page.get_by_role("link", name="Cancel my subscription").click()
    await page.locator('input[value="now"]').check()
    await page.get_by_role("button", name="Cancel my subscription").click()
    await expect(page.locator("#state")).to_have_text("Ended")
    await expect(page.locator("#lead")).to_contain_text("What is stored is kept until")
    await person.looks_right("journey-account-ended")


async def test_an_owner_signs_in_leaves_stays_and_takes_a_larger_plan(
    shop: Shop, stripe: StripeDouble, person: Watched
) -> None:
    page, email = person.page, await a_customer(shop, "owner")
    await sign_in(shop, page, email)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Personal")
    await expect(page.locator("#state")).to_have_text("Active")
    await expect(page.locator("#next-amount")).to_contain_text("$25")
    await expect(page.locator("#invoices tbody tr")).to_have_count(1)
    await person.looks_right("journey-account")
    account = page.url
    await open_the_bill(page, stripe)
    await leave_and_stay(page)
    await give_card(page, stripe.api, "5555 5555 5555 4444")
    amount = await take_a_larger_plan(page, person)
    (customer,) = await stripe.objects(f"/v1/customers?email={email}")
    latest, first = await stripe.objects(f"/v1/charges?customer={customer['id']}")
    assert f"${latest['amount'] / 100:.2f}" == amount
    assert [charge["payment_method_details"]["card"]["last4"] for charge in (first, latest)] == ["4242", "4444"]
    await leave_now(page, person)
    await page.get_by_role("button", name="Sign out").click()
    await page.goto(account)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


async def test_an_operator_looks_gives_money_back_and_compares(
    shop: Shop, stripe: StripeDouble, ledger: Ledger
) -> None:
    email = await a_customer(shop, "unlucky")
    told = msgspec.json.decode(await typed_at(shop, "show", email, "--json"))
    account, history = told["account_id"], {entry["what"]: entry for entry in told["history"]}
    assert {"account", "checkout", "subscription", "invoice", "command", "stripe-event", "told"} <= history.keys()
    give = ("refund", account, "--invoice", history["invoice"]["id"], "--amount", "500", "--note", "a slow answer")
    for _ in range(2):  # whose terminal hung types it again
        assert re.search(r"state +succeeded", await typed_at(shop, *give))
    (customer,) = await stripe.objects(f"/v1/customers?email={email}")
    (charge,) = await stripe.objects(f"/v1/charges?customer={customer['id']}")
    assert charge["amount_refunded"] == 500

    async def is_told() -> bool:
        return any("$5" in letter["text"] for letter in await ledger.letters(email))

    await until(is_told, within=30, what="the letter about the refund")
    assert "billing.refund-issued.v1" in await typed_at(shop, "show", account)
    (subscription,) = await stripe.objects(f"/v1/subscriptions?customer={customer['id']}")
    drift = msgspec.json.decode(await typed_at(shop, "drift", "--json"))
    assert drift["compared"] >= 1
    assert [found for found in drift["drift"] if found["stripe_id"] == subscription["id"]] == []
    assert re.search(r"\d+ compared in", await typed_at(shop, "drift", "--last"))
    audit = [line for line in (await typed_at(shop, "audit")).splitlines() if account in line]
    assert len(audit) == 1
    assert re.search(r"local +refund-wanted .*note=a slow answer", audit[0])
