from dataclasses import dataclass
from typing import Any

import pytest
import stripe

from devcloud.stripe.lives import DAY, Life
from devcloud.stripe.shop import GOOD, a_price
from devcloud.stripe.visitor import Visitor, a_portal


@dataclass
class Proposal:
    """A subscription, and a session that proposes another price for it."""

    subscription: stripe.Subscription
    price: stripe.Price
    visitor: Visitor

    @property
    def page(self) -> str:
        return f"/plans/{self.subscription.id}/change"


def flow_of(subscription: stripe.Subscription, price: str) -> dict[str, Any]:
    item = {"id": subscription["items"].data[0].id, "price": price, "quantity": 1}
    about = {"subscription": subscription.id, "items": [item]}
    return {"type": "subscription_update_confirm", "subscription_update_confirm": about}


async def that_may_change_to(client: stripe.StripeClient, price: stripe.Price, proration: str) -> str:
    products = [{"product": str(price.product), "prices": [price.id]}]
    update = {"enabled": True, "default_allowed_updates": ["price"], "proration_behavior": proration}
    params: Any = {"features": {"subscription_update": {**update, "products": products}}}
    return (await client.v1.billing_portal.configurations.create_async(params)).id


async def a_proposal(life: Life, amount: int = 6000, proration: str = "always_invoice") -> Proposal:
    subscription, price = await life.subscribe(), await a_price(life.client, "family", amount)
    await life.wait(10 * DAY)
    configuration = await that_may_change_to(life.client, price, proration)
    session = await a_portal(
        life.client,
        str(subscription.customer),
        configuration=configuration,
        flow_data=flow_of(subscription, price.id),
    )
    return Proposal(subscription, price, Visitor(life.browser, session.url))


async def test_what_was_shown_is_what_is_charged(life: Life) -> None:
    proposal = await a_proposal(life)
    status, page = await proposal.visitor.look()
    assert status == 200
    assert "60.00 USD per month" in page
    at = page.partition('name="at" value="')[2].partition('"')[0]
    await life.wait(600)
    assert (await proposal.visitor.send(proposal.page, at=at))[0] == 303
    changed = await life.again(proposal.subscription)
    assert changed["items"].data[0].price.id == proposal.price.id
    invoice = (await life.invoices(proposal.subscription))[0]
    assert (invoice.status, invoice.billing_reason) == ("paid", "subscription_update")
    assert f"{invoice.amount_paid / 100:.2f} USD" in page
    assert (await proposal.visitor.send(proposal.page, at=at))[0] == 404
    assert "Your billing" in (await proposal.visitor.look())[1]


@pytest.mark.parametrize("at", ["", "soon", "1", "99999999999"])
async def test_a_moment_that_was_not_shown_is_now(life: Life, at: str) -> None:
    proposal = await a_proposal(life)
    assert (await proposal.visitor.send(proposal.page, at=at))[0] == 303
    assert len(await life.invoices(proposal.subscription)) == 2


async def test_a_declined_card_changes_nothing(life: Life) -> None:
    proposal = await a_proposal(life)
    await life.card(GOOD, "generic_decline")
    status, page, _ = await proposal.visitor.send(proposal.page)
    assert status == 402
    assert "Your card was declined." in page
    kept = await life.again(proposal.subscription)
    assert kept["items"].data[0].price.id != proposal.price.id
    assert len(await life.invoices(proposal.subscription)) == 1
    await life.card(GOOD, "ok")
    assert (await proposal.visitor.send(proposal.page))[0] == 303


async def test_a_change_may_wait_for_the_next_invoice(life: Life) -> None:
    proposal = await a_proposal(life, proration="create_prorations")
    assert "Next invoice" in (await proposal.visitor.look())[1]
    assert (await proposal.visitor.send(proposal.page))[0] == 303
    assert len(await life.invoices(proposal.subscription)) == 1
    assert (await life.again(proposal.subscription))["items"].data[0].price.id == proposal.price.id


async def test_only_another_price_that_the_portal_may_offer_is_proposed(life: Life) -> None:
    subscription = await life.subscribe()
    price, other = await a_price(life.client, "family", 6000), await a_price(life.client, "studio", 9000)
    configuration = await that_may_change_to(life.client, price, "always_invoice")
    right = flow_of(subscription, price.id)
    about = right["subscription_update_confirm"]
    item = about["items"][0]
    wrong = [
        {**about, "items": [{**item, "price": other.id}]},
        {**about, "items": [{**item, "price": subscription["items"].data[0].price.id}]},
        {**about, "items": [{**item, "id": "si_other"}]},
        {**about, "items": [{**item, "quantity": 2}]},
        {**about, "items": []},
        {**about, "discounts": [{"coupon": "none"}]},
    ]
    customer = str(subscription.customer)
    for one in wrong:
        flow = {**right, "subscription_update_confirm": one}
        with pytest.raises(stripe.InvalidRequestError):
            await a_portal(life.client, customer, configuration=configuration, flow_data=flow)
    with pytest.raises(stripe.InvalidRequestError, match="disabled"):
        await a_portal(life.client, customer, flow_data=right)
    session = await a_portal(life.client, customer, configuration=configuration, flow_data=right)
    assert session.flow is not None
    assert session.flow.subscription_update_confirm is not None
    assert session.flow.subscription_update_confirm.items[0].price == price.id
