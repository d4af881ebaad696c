from typing import Any

import aiohttp
import pytest
import stripe

from devcloud.stripe.shop import a_subscription
from devcloud.stripe.visitor import Visitor, a_portal

REDIRECT = {"type": "redirect", "redirect": {"return_url": "http://shop.test/thanks"}}
MESSAGE = {"type": "hosted_confirmation", "hosted_confirmation": {"custom_message": "See you again"}}


@pytest.fixture
async def subscription(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> stripe.Subscription:
    return await a_subscription(client, browser)


async def a_flow(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, subscription: stripe.Subscription, **flow: Any
) -> Visitor:
    return Visitor(browser, (await a_portal(client, str(subscription.customer), flow_data=flow)).url)


async def test_a_card_flow_opens_the_form_and_leads_where_it_was_told(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, subscription: stripe.Subscription
) -> None:
    visitor = await a_flow(client, browser, subscription, type="payment_method_update", after_completion=REDIRECT)
    status, page = await visitor.look()
    assert (status, 'name="number"' in page) == (200, True)
    assert (await visitor.look(f"/plans/{subscription.id}/cancel"))[0] == 404
    status, _, target = await visitor.add_card()
    assert (status, target) == (303, "http://shop.test/thanks")
    assert "Your change was saved." in (await visitor.look())[1]


async def test_a_cancel_flow_is_about_one_subscription_and_says_goodbye(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, subscription: stripe.Subscription
) -> None:
    about = {"subscription": subscription.id}
    visitor = await a_flow(
        client, browser, subscription, type="subscription_cancel", subscription_cancel=about, after_completion=MESSAGE
    )
    other = await a_subscription(client, browser, customer=str(subscription.customer))
    assert "Cancel the plan" in (await visitor.look())[1]
    assert (await visitor.send(f"/plans/{other.id}/cancel"))[0] == 404
    assert (await visitor.look("/card"))[0] == 404
    assert (await visitor.send(f"/plans/{subscription.id}/cancel"))[0] == 303
    assert "See you again" in (await visitor.look())[1]
    assert (await client.v1.subscriptions.retrieve_async(subscription.id)).cancel_at is not None
    assert (await client.v1.subscriptions.retrieve_async(other.id)).cancel_at is None


async def test_a_finished_flow_opens_the_whole_portal_unless_told_otherwise(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, subscription: stripe.Subscription
) -> None:
    about = {"subscription": subscription.id}
    visitor = await a_flow(client, browser, subscription, type="subscription_cancel", subscription_cancel=about)
    await visitor.send(f"/plans/{subscription.id}/cancel")
    _, page = await visitor.look()
    assert "Your billing" in page
    assert "Do not cancel</button>" in page
    assert (await visitor.send(f"/plans/{subscription.id}/keep"))[0] == 303
    assert (await client.v1.subscriptions.retrieve_async(subscription.id)).cancel_at is None
