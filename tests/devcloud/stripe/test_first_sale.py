import aiohttp
import stripe

from devcloud.stripe.ends import Endpoint
from devcloud.stripe.shop import a_session, type_card
from s4_devcloud.stripe.world import World
from support.waiting import until


async def test_a_paid_session_has_a_subscription_a_paid_invoice_and_signed_webhooks(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, endpoint: Endpoint, world: World
) -> None:
    session = await a_session(client)

    status, _, target = await type_card(browser, session.url)

    assert (status, target) == (303, f"http://shop.test/return?session_id={session.id}")
    paid = await client.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["subscription.latest_invoice.payments", "line_items", "customer"]}
    )
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    assert isinstance(paid.subscription, stripe.Subscription)
    assert paid.subscription.status == "active"
    assert paid.subscription.metadata["checkout_id"] == "c-1"
    await until(lambda: "checkout.session.completed" in endpoint.types(), within=5, what="the webhook")
    assert world.journal.unimplemented == {}
