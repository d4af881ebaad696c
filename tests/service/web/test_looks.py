"""The pages of an account in a real browser: wide, narrow, light and dark, without JavaScript unless it is said."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from support.browser import chromium, window
from support.outages import lost, recovered
from support.room import a_measurement, a_report
from support.web_peers import CANNOT, ENDED
from support.web_site import RunningSite

# What takes long and has a quick form elsewhere.
pytestmark = pytest.mark.long

FAILING = {
    "amount": 2975,
    "currency": "usd",
    "attempt": 2,
    "next_attempt_at": "2026-03-04T12:00:00Z",
    "suspends_at": "2026-03-15T12:00:00Z",
    "must_confirm": False,
}
BILLS = [
    {
        "id": f"0193d5a0-0000-7000-8000-00000000100{number}",
        "number": f"S4-000{number}",
        "at": f"2026-0{number}-01T12:00:00Z",
        "status": status,
        "total": 2975,
        "tax": 475,
        "amount_paid": paid,
        "amount_refunded": refunded,
        "currency": "usd",
    }
    for number, status, paid, refunded in [(3, "open", 0, 0), (2, "paid", 2975, 1000), (1, "paid", 2975, 0)]
]
REFUND = {"at": "2026-03-01T12:00:00Z", "amount": 2975, "currency": "usd", "state": "pending", "reason": "not-provided"}
PAYABLE = {**CANNOT, "pay": True, "cancel": True}
ACCOUNTS: dict[str, dict[str, Any]] = {
    "active": {},
    "trial": {
        "trial_end": "2026-03-15T12:00:00Z",
        "period_end": "2026-03-15T12:00:00Z",
        "next": {"amount": 2500, "currency": "usd", "at": "2026-03-15T12:00:00Z", "tax_extra": False},
        "invoices": [],
    },
    "leaving": {"cancel_at": "2026-04-01T12:00:00Z", "next": None, "can": {**CANNOT, "resume": True, "cancel": True}},
    "downgrading": {
        "plan": "studio",
        "plan_name": "Studio",
        "pending_plan": {"plan": "personal", "name": "Personal", "at": "2026-04-01T12:00:00Z"},
    },
    "overdue": {"state": "past_due", "failing": FAILING, "invoices": BILLS, "can": PAYABLE, "next": None},
    "overdue-confirm": {"state": "past_due", "failing": {**FAILING, "must_confirm": True}, "can": PAYABLE},
    "unpaid": {"state": "suspended", "failing": FAILING, "invoices": BILLS, "can": PAYABLE, "next": None},
    "disputed": {"state": "suspended", "disputed": True, "can": CANNOT, "next": None},
    "ended": {"state": "ended", "ended": ENDED, "can": CANNOT, "next": None},
    "not-provided": {
        "state": "ended",
        "ended": {**ENDED, "reason": "not-provided", "delete_after": ENDED["at"]},
        "refunds": [REFUND],
        "can": CANNOT,
    },
    "pending": {"state": "pending", "invoices": [], "can": CANNOT, "next": None, "period_end": None},
}
IN_THE_DARK = {"active", "overdue", "unpaid", "disputed", "not-provided"}


@pytest.fixture
async def chrome() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_every_page_of_an_account_is_whole_in_every_window(
    site: RunningSite, chrome: Browser, *, dark: bool
) -> None:
    async with site.browser() as elsewhere:
        buyer = await site.an_owner(elsewhere)
    buyer.has_account()
    shade = "dark-" if dark else ""
    async with window(chrome, site.origin, javascript=False, dark=dark) as person:
        page = person.page

        async def looks_right(name: str, heading: str) -> None:
            await expect(page.get_by_role("heading", level=1)).to_have_text(heading)
            await person.looks_right(f"{shade}{name}")

        await page.goto(f"{site.origin}/account")
        await looks_right("sign-in", "Sign in")
        await page.get_by_label("Your e-mail address").fill("ada@example")
        await page.keyboard.press("Enter")
        await expect(page).to_have_title("Please check your address: S4")
        await looks_right("sign-in-problem", "Sign in")
        await page.get_by_label("Your e-mail address").fill("ada@example.com")
        await page.keyboard.press("Enter")
        await looks_right("sign-in-sent", "Look into your mail")
        await page.goto(f"{site.origin}/sign-in/link?token={buyer.sign_in_link()}")
        await looks_right("sign-in-link", "Sign in to your account")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Personal")
        for name, changed in ACCOUNTS.items():
            if dark and name not in IN_THE_DARK:
                continue
            buyer.has_account(**changed)
            await page.goto(f"{site.origin}/account")
            await looks_right(f"account-{name}", changed.get("plan_name", "Personal"))
        buyer.has_account()
        await page.goto(f"{site.origin}/account")
        await page.get_by_role("link", name="Change plan").click()
        await looks_right("account-plan", "Change your plan")
        await page.get_by_role("button", name="Show me the amount").click()
        await looks_right("account-plan-preview", "Studio instead of Personal")
        await page.get_by_role("link", name="Keep Personal").click()
        await page.get_by_role("link", name="Cancel my subscription").click()
        await looks_right("account-cancel", "Cancel your subscription")
        await site.later(minutes=16)
        await page.locator('input[value="now"]').check()
        await page.get_by_role("button", name="Cancel my subscription").click()
        await looks_right("account-confirm-first", "Please sign in anew")
        site.billing.is_down = True
        await page.goto(f"{site.origin}/account")
        await looks_right("account-billing-silent", "Personal")


async def test_what_is_full_lost_or_sold_out_is_whole_in_every_window(site: RunningSite, chrome: Browser) -> None:
    async with site.browser() as elsewhere:
        buyer = await site.an_owner(elsewhere)
    buyer.has_account()
    ids = (buyer.account_id, buyer.signup_id)
    async with window(chrome, site.origin, javascript=False) as person:
        page = person.page

        async def looks_right(name: str, place: str, words: str) -> None:
            await page.goto(site.origin + place)
            await expect(page.locator("main")).to_contain_text(words)
            await person.looks_right(name)

        await page.goto(f"{site.origin}/sign-in/link?token={buyer.sign_in_link()}")
        await page.get_by_role("button", name="Sign in").click()
        for percent, words in ((40, "40 %"), (88, "nearly full"), (120, "20 GB more than its quota")):
            await site.later(minutes=1)
            await site.hears(a_measurement(site.clock.now(), *ids, percent * 10**9, quota=100 * 10**9))
            await looks_right(f"account-{percent}-percent", "/account", words)
        await expect(page.get_by_role("meter", name="Room")).to_have_attribute("aria-valuetext", "120 percent")
        await site.hears(lost(buyer, site.clock.now()))
        await looks_right("account-lost", "/account", "was lost")
        await site.hears(recovered(buyer, site.clock.now() + timedelta(seconds=90), 90))
        await looks_right("account-back", "/account", "Your grid is back")
        await site.hears(a_report(site.clock.now(), "studio"))
        await looks_right("account-plan-sold-out", f"/account/{buyer.account_id}/plan", "Not available now")
        for place in ("plans", "signup"):
            await looks_right(f"{place}-sold-out", f"/{place}?another={buyer.signup_id}", "Not available now")


async def test_who_watches_sees_the_loss_and_the_recovery_without_asking(site: RunningSite, chrome: Browser) -> None:
    async with window(chrome, site.origin) as person:
        async with site.browser() as elsewhere:
            buyer = await site.an_owner(elsewhere)
            for each in elsewhere.session.cookie_jar:
                await person.page.context.add_cookies([{"name": each.key, "value": each.value, "url": site.origin}])
        heading = person.page.get_by_role("heading", level=1)
        await person.page.goto(f"{site.origin}/status")
        await expect(heading).to_have_text("Your grid is ready")
        await site.hears(lost(buyer, site.clock.now()))
        await expect(heading).to_have_text("Your grid cannot be reached right now")
        await site.hears(recovered(buyer, site.clock.now() + timedelta(seconds=90), 90))
        await expect(heading).to_have_text("Your grid is ready")
        await expect(person.page.get_by_text("could not be reached for 1 min 30 s")).to_be_visible()


# What Stripe's script does with ours: it asks for the secret.
STRIPE = "window.Stripe = () => ({ createEmbeddedCheckoutPage: (ours) => ours.fetchClientSecret() });"


async def test_who_comes_to_pay_for_what_was_sold_out_meanwhile_reads_why_not(
    site: RunningSite, chrome: Browser
) -> None:
    page = await chrome.new_page()
    await page.route(
        "https://js.stripe.test/**", lambda route: route.fulfill(body=STRIPE, content_type="text/javascript")
    )
    async with site.browser() as elsewhere:
        assert (await elsewhere.sign_up()).status == 303
        for each in elsewhere.session.cookie_jar:
            await page.context.add_cookies([{"name": each.key, "value": each.value, "url": site.origin}])
    site.billing.is_sold_out = True
    await page.goto(f"{site.origin}/pay")
    await expect(page.get_by_role("heading", level=1)).to_have_text("This plan is not available right now")
    await page.close()
