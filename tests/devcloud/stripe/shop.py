"""Builders: a plan for sale, a customer, a session, and a card typed into its page."""

from typing import Any

import aiohttp
import stripe
from stripe.checkout import Session

GOOD, DECLINED, NO_FUNDS, AUTHENTICATE = (
    "4242 4242 4242 4242",
    "4000 0000 0000 0002",
    "4000 0000 0000 9995",
    "4000 0025 0000 3155",
)
DISPUTED, NOT_RECEIVED, INQUIRED, WARNED, REFUND_PENDING, REFUND_FAILS = (
    "4000 0000 0000 0259",
    "4000 0000 0000 2685",
    "4000 0000 0000 1976",
    "4000 0000 0000 5423",
    "4000 0000 0000 7726",
    "4000 0000 0000 5126",
)


async def a_price(client: stripe.StripeClient, key: str = "personal", amount: int = 2500) -> stripe.Price:
    product = await client.v1.products.create_async({"name": "Personal grid"})
    return await client.v1.prices.create_async(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": amount,
            "lookup_key": key,
            "transfer_lookup_key": True,
            "recurring": {"interval": "month"},
        }
    )


async def a_customer(client: stripe.StripeClient, email: str = "buyer@example.com") -> stripe.Customer:
    return await client.v1.customers.create_async({"email": email, "metadata": {"account_id": "a-1"}})


async def a_session(client: stripe.StripeClient, **changes: Any) -> Session:
    """A hosted session for one month of the plan; `changes` replace or, when None, remove parameters."""
    params: dict[str, Any] = {
        "mode": "subscription",
        "success_url": "http://shop.test/return?session_id={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://shop.test/cancelled",
        "metadata": {"checkout_id": "c-1"},
        "subscription_data": {"metadata": {"checkout_id": "c-1"}},
        "client_reference_id": "c-1",
        **changes,
    }
    if "customer" not in params:
        params["customer"] = (await a_customer(client)).id
    if "line_items" not in params:
        params["line_items"] = [{"price": (await a_price(client)).id, "quantity": 1}]
    sent = {name: value for name, value in params.items() if value is not None}
    return await client.v1.checkout.sessions.create_async(sent)  # type: ignore[arg-type]  # wrong ones are sent too


async def an_embedded_session(client: stripe.StripeClient, **changes: Any) -> Session:
    own = {"ui_mode": "embedded_page", "return_url": "http://shop.test/return?session_id={CHECKOUT_SESSION_ID}"}
    return await a_session(client, **{**own, "success_url": None, "cancel_url": None, **changes})


def a_form(number: str = GOOD, **changes: str) -> dict[str, str]:
    """A payment form without mistakes."""
    form = {"number": number, "expiry": "12/34", "cvc": "123", "name": "Test Buyer", "country": "DE"}
    return {**form, "postal_code": "10115", **changes}


async def type_card(
    browser: aiohttp.ClientSession, url: str | None, number: str = GOOD, **changes: str
) -> tuple[int, str, str | None]:
    """Fill in the form at the address: status, page and where it leads."""
    assert url is not None
    async with browser.post(url, data=a_form(number, **changes), allow_redirects=False) as answer:
        return answer.status, await answer.text(), answer.headers.get("Location")


async def a_subscription(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, number: str = GOOD, **changes: Any
) -> stripe.Subscription:
    """A subscription that somebody just paid for."""
    session = await a_session(client, **changes)
    await type_card(browser, session.url, number)
    paid = await client.v1.checkout.sessions.retrieve_async(session.id)
    return await client.v1.subscriptions.retrieve_async(str(paid.subscription))


async def a_paid_charge(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, number: str = GOOD
) -> stripe.Charge:
    """The charge of a new customer's first month."""
    session = await a_session(client)
    await type_card(browser, session.url, number)
    return (await client.v1.charges.list_async({"customer": str(session.customer)})).data[0]
