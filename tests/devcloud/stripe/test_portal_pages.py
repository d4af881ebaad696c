from typing import Any

import aiohttp
import pytest
import stripe

from devcloud.stripe.ends import Control
from devcloud.stripe.shop import AUTHENTICATE, DECLINED, a_customer, a_subscription
from devcloud.stripe.visitor import Visitor, a_portal

MASTERCARD, ATTACHES_THEN_FAILS = "5555 5555 5555 4444", "4000 0000 0000 0341"


async def told(client: stripe.StripeClient) -> list[str]:
    """The types of the events so far, oldest first."""
    return [str(event.type) for event in (await client.v1.events.list_async({"limit": 100})).data][::-1]


@pytest.fixture
async def subscription(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> stripe.Subscription:
    return await a_subscription(client, browser)


@pytest.fixture
async def visitor(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, subscription: stripe.Subscription
) -> Visitor:
    return Visitor(browser, (await a_portal(client, str(subscription.customer))).url)


async def test_the_first_page_shows_plan_card_invoices_and_the_way_back(visitor: Visitor) -> None:
    status, page = await visitor.look()
    assert status == 200
    for words in ("Personal grid", "25.00 USD", "per month", "Renews on", "Visa ending in 4242", "buyer@example.com"):
        assert words in page
    assert "Paid</td>" in page
    assert 'href="http://shop.test/account"' in page
    assert "<script" not in page


async def test_a_customer_without_anything_has_a_page_too(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    session = await a_portal(client, (await a_customer(client)).id)
    status, page = await Visitor(browser, session.url).look()
    assert status == 200
    assert "You have no plan." in page
    assert "There are no invoices yet." in page


async def test_a_new_card_becomes_the_customers_default_and_the_subscriptions_own_stays(
    client: stripe.StripeClient, visitor: Visitor, subscription: stripe.Subscription
) -> None:
    before = len(await told(client))
    status, _, target = await visitor.add_card(MASTERCARD)
    assert (status, f"http://{target}".endswith("/p/session/" + visitor.url.rpartition("/")[2])) == (303, True)
    customer = await client.v1.customers.retrieve_async(
        str(subscription.customer), {"expand": ["invoice_settings.default_payment_method"]}
    )
    assert customer.invoice_settings is not None
    method = customer.invoice_settings.default_payment_method
    assert isinstance(method, stripe.PaymentMethod)
    assert method.card is not None
    assert (method.card.last4, method.customer) == ("4444", customer.id)
    kept = await client.v1.subscriptions.retrieve_async(subscription.id)
    assert kept.default_payment_method == subscription.default_payment_method
    assert (await told(client))[before:] == ["payment_method.attached", "customer.updated"]
    changed = (await client.v1.events.list_async({"type": "customer.updated"})).data[0]
    assert changed.request is not None
    assert changed.request.id is None


async def test_a_plan_can_be_paid_with_another_card(
    client: stripe.StripeClient, visitor: Visitor, subscription: stripe.Subscription
) -> None:
    await visitor.add_card(MASTERCARD)
    _, page = await visitor.look()
    assert "Pay with Mastercard ending in 4444" in page
    customer = await client.v1.customers.retrieve_async(str(subscription.customer))
    assert customer.invoice_settings is not None
    card = str(customer.invoice_settings.default_payment_method)
    assert (await visitor.send(f"/plans/{subscription.id}/card", card=card))[0] == 303
    assert (await client.v1.subscriptions.retrieve_async(subscription.id)).default_payment_method == card
    assert (await told(client))[-1] == "customer.subscription.updated"


async def test_a_declined_card_is_not_added_and_another_may_follow(
    client: stripe.StripeClient, visitor: Visitor
) -> None:
    before = await told(client)
    status, page, _ = await visitor.add_card(DECLINED)
    assert status == 402
    assert "Your card was declined." in page
    assert 'value="Test Buyer"' in page
    assert "4000" not in page.partition("<details>")[0]
    assert (await visitor.add_card("1"))[0] == 422
    assert await told(client) == before
    assert (await visitor.add_card())[0] == 303


async def test_a_card_that_fails_later_can_be_added(visitor: Visitor) -> None:
    assert (await visitor.add_card(ATTACHES_THEN_FAILS))[0] == 303
    assert "•••• 0341" in (await visitor.look())[1]


@pytest.mark.parametrize(("outcome", "status", "added"), [("complete", 303, True), ("fail", 402, False)])
async def test_a_bank_may_want_to_see_the_cardholder(
    client: stripe.StripeClient, visitor: Visitor, outcome: str, status: int, *, added: bool
) -> None:
    answer, _, target = await visitor.add_card(AUTHENTICATE)
    assert (answer, str(target).endswith("/card/authenticate")) == (303, True)
    assert "Complete</button>" in (await visitor.look("/card/authenticate"))[1]
    assert ("customer.updated" in await told(client)) is False
    assert (await visitor.send("/card/authenticate", outcome=outcome))[0] == status
    assert ("customer.updated" in await told(client)) is added
    assert (await visitor.send("/card/authenticate", outcome="complete"))[0] == 303
    assert (await told(client)).count("customer.updated") == int(added)


async def test_cancelling_sets_the_end_of_the_period_and_can_be_taken_back(
    client: stripe.StripeClient, visitor: Visitor, subscription: stripe.Subscription
) -> None:
    page = f"/plans/{subscription.id}/cancel"
    assert "stays yours until" in (await visitor.look(page))[1]
    assert (await visitor.send(page))[0] == 303
    ending = await client.v1.subscriptions.retrieve_async(subscription.id)
    end = subscription["items"].data[0].current_period_end
    assert (ending.cancel_at, ending.cancel_at_period_end, ending.status) == (end, False, "active")
    assert ending.canceled_at is not None
    assert ending.cancellation_details is not None
    assert ending.cancellation_details.reason == "cancellation_requested"
    _, home = await visitor.look()
    assert "It does not renew." in home
    assert "Do not cancel</button>" in home
    assert (await visitor.send(page))[0] == 303
    assert (await visitor.send(f"/plans/{subscription.id}/keep"))[0] == 303
    kept = await client.v1.subscriptions.retrieve_async(subscription.id)
    assert (kept.cancel_at, kept.cancel_at_period_end, kept.canceled_at) == (None, False, None)
    assert (await told(client)).count("customer.subscription.updated") == 2


async def test_the_end_that_was_chosen_comes_by_the_clock(
    client: stripe.StripeClient, visitor: Visitor, subscription: stripe.Subscription, control: Control
) -> None:
    await visitor.send(f"/plans/{subscription.id}/cancel")
    await control.post("/clock/advance", seconds=32 * 24 * 3600)
    ended = await client.v1.subscriptions.retrieve_async(subscription.id)
    assert ended.status == "canceled"
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.reason == "cancellation_requested"


async def configured(client: stripe.StripeClient, **features: Any) -> str:
    made = await client.v1.billing_portal.configurations.create_async({"features": features})  # type: ignore[typeddict-item]  # each test gives its own
    return made.id


async def test_a_configuration_can_ask_for_the_reason_and_end_at_once(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, subscription: stripe.Subscription
) -> None:
    reason = {"enabled": True, "options": ["unused", "other"]}
    ours = await configured(
        client, subscription_cancel={"enabled": True, "mode": "immediately", "cancellation_reason": reason}
    )
    session = await a_portal(client, str(subscription.customer), configuration=ours)
    visitor, page = Visitor(browser, session.url), f"/plans/{subscription.id}/cancel"
    text = (await visitor.look(page))[1]
    assert "ends at once" in text
    assert 'value="unused"' in text
    assert 'value="too_complex"' not in text
    assert (await visitor.send(page, feedback="unused", comment="Bye"))[0] == 303
    ended = await client.v1.subscriptions.retrieve_async(subscription.id)
    assert ended.status == "canceled"
    assert ended.cancellation_details is not None
    assert (ended.cancellation_details.feedback, ended.cancellation_details.comment) == ("unused", "Bye")
    assert "Ended on" in (await visitor.look())[1]
    assert (await visitor.send(page))[0] == 303
    assert (await told(client)).count("customer.subscription.deleted") == 1


async def test_what_the_configuration_does_not_allow_is_not_there(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, subscription: stripe.Subscription
) -> None:
    ours = await configured(client, invoice_history={"enabled": False})
    session = await a_portal(client, str(subscription.customer), configuration=ours)
    visitor = Visitor(browser, session.url)
    _, page = await visitor.look()
    for words in ("Add a card", "Cancel the plan", "Invoices"):
        assert words not in page
    for path in ("/card", f"/plans/{subscription.id}/cancel"):
        assert (await visitor.look(path))[0] == 404
        assert (await visitor.send(path))[0] == 404


async def test_nobody_reaches_anothers_plan_or_card(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, subscription: stripe.Subscription
) -> None:
    other = await a_subscription(client, browser, customer=(await a_customer(client, "other@example.com")).id)
    visitor = Visitor(browser, (await a_portal(client, str(other.customer))).url)
    for path in ("cancel", "keep"):
        assert (await visitor.send(f"/plans/{subscription.id}/{path}"))[0] == 404
    theirs = str(subscription.default_payment_method)
    assert (await visitor.send(f"/plans/{other.id}/card", card=theirs))[0] == 404
    assert (await visitor.send(f"/plans/{subscription.id}/card", card=str(other.default_payment_method)))[0] == 404
    assert (await client.v1.subscriptions.retrieve_async(subscription.id)).cancel_at is None


async def test_an_address_lives_five_minutes_unseen_and_an_hour_once_opened(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control
) -> None:
    customer = await a_customer(client)
    unseen, seen = [Visitor(browser, (await a_portal(client, customer.id)).url) for _ in range(2)]
    assert (await seen.look())[0] == 200
    await control.post("/clock/advance", seconds=301)
    status, page = await unseen.look()
    assert status == 410
    assert 'href="http://shop.test/account"' in page
    assert (await seen.look())[0] == 200
    await control.post("/clock/advance", seconds=3600)
    assert (await seen.look())[0] == 410
    assert (await seen.add_card())[0] == 410
    settings = (await client.v1.customers.retrieve_async(customer.id)).invoice_settings
    assert settings is not None
    assert settings.default_payment_method is None


async def test_a_guessed_address_leads_nowhere_and_the_page_keeps_its_own_secret(
    visitor: Visitor, browser: aiohttp.ClientSession, control: Control
) -> None:
    assert (await Visitor(browser, visitor.url[:-1] + "-").look())[0] == 404
    async with browser.get(visitor.url) as answer:
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self' http://shop.test" in policy
    secret = visitor.url.rpartition("/")[2]
    assert secret not in str(await control.get("/journal")) + str(await control.get("/state"))
