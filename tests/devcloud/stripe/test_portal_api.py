from typing import Any

import aiohttp
import pytest
import stripe

from devcloud.stripe.ends import Control, Endpoint
from devcloud.stripe.shop import a_customer, a_price, a_subscription
from devcloud.stripe.visitor import a_portal
from support.waiting import until


async def a_configuration(client: stripe.StripeClient, **features: Any) -> stripe.billing_portal.Configuration:
    return await client.v1.billing_portal.configurations.create_async({"features": features})  # type: ignore[typeddict-item]  # wrong ones are sent too


async def test_a_session_is_an_address_for_a_customer(client: stripe.StripeClient) -> None:
    customer = await a_customer(client)
    session = await a_portal(client, customer.id, expand=["configuration"])
    assert session.customer == customer.id
    assert session.flow is None
    assert session.return_url == "http://shop.test/account"
    assert "/p/session/test_" in session.url
    assert session.id not in session.url
    assert isinstance(session.configuration, stripe.billing_portal.Configuration)
    assert session.configuration.is_default


async def test_two_sessions_of_a_customer_have_two_addresses(client: stripe.StripeClient) -> None:
    customer = await a_customer(client)
    one, other = [await a_portal(client, customer.id) for _ in range(2)]
    assert one.url != other.url


async def test_the_first_configuration_is_there_and_allows_cards_invoices_and_cancelling(
    client: stripe.StripeClient,
) -> None:
    listed = (await client.v1.billing_portal.configurations.list_async({"is_default": True})).data
    assert len(listed) == 1
    features = listed[0].features
    assert features.payment_method_update.enabled
    assert features.invoice_history.enabled
    assert (features.subscription_cancel.enabled, features.subscription_cancel.mode) == (True, "at_period_end")
    assert not features.subscription_update.enabled
    assert not features.customer_update.enabled


async def test_a_configuration_says_what_customers_may_do_and_can_be_changed(client: stripe.StripeClient) -> None:
    price = await a_price(client)
    update = {
        "enabled": True,
        "default_allowed_updates": ["price"],
        "proration_behavior": "always_invoice",
        "products": [{"product": str(price.product), "prices": [price.id]}],
    }
    reason = {"enabled": True, "options": ["unused", "other"]}
    features = {
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True, "mode": "immediately", "cancellation_reason": reason},
        "subscription_update": update,
    }
    params: Any = {
        "features": features,
        "business_profile": {"headline": "Your grid"},
        "default_return_url": "http://shop.test/account",
        "name": "Ours",
        "metadata": {"deployment": "local"},
    }
    made = await client.v1.billing_portal.configurations.create_async(params)
    assert made.features.subscription_cancel.cancellation_reason.options == ["unused", "other"]
    assert made.features.subscription_update.products is not None
    assert made.features.subscription_update.products[0].prices == [price.id]
    changed = await client.v1.billing_portal.configurations.update_async(
        made.id, {"active": False, "name": "", "features": {"invoice_history": {"enabled": True}}}
    )
    assert (changed.active, changed.name) == (False, None)
    assert changed.features.invoice_history.enabled
    assert changed.features.payment_method_update.enabled
    assert changed.business_profile.headline == "Your grid"
    kept = await client.v1.billing_portal.configurations.retrieve_async(made.id)
    assert kept.metadata is not None
    assert kept.metadata.to_dict() == {"deployment": "local"}
    active = await client.v1.billing_portal.configurations.list_async({"active": False})
    assert [row.id for row in active.data] == [made.id]
    with pytest.raises(stripe.InvalidRequestError):
        await a_portal(client, (await a_customer(client)).id, configuration=made.id)


@pytest.mark.parametrize(
    ("features", "param"),
    [
        ({"customer_update": {"enabled": True}}, "features[customer_update]"),
        ({"subscription_pause": {"enabled": True}}, "features[subscription_pause]"),
        (
            {"subscription_cancel": {"enabled": True, "proration_behavior": "create_prorations"}},
            "features[subscription_cancel][proration_behavior]",
        ),
        (
            {"payment_method_update": {"enabled": True, "payment_method_configuration": "pmc_1"}},
            "features[payment_method_update][payment_method_configuration]",
        ),
        ({"subscription_update": {"enabled": True}}, "features[subscription_update]"),
    ],
)
async def test_what_would_have_no_effect_is_refused(
    client: stripe.StripeClient, features: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await a_configuration(client, **features)
    assert refused.value.param == param


async def test_prices_of_another_product_are_refused(client: stripe.StripeClient) -> None:
    one, other = await a_price(client), await a_price(client, "other")
    products = [{"product": str(one.product), "prices": [other.id]}]
    with pytest.raises(stripe.InvalidRequestError, match="does not belong"):
        await a_configuration(
            client, subscription_update={"enabled": True, "default_allowed_updates": ["price"], "products": products}
        )


async def test_a_flow_needs_its_subscription_its_feature_and_its_customer(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    subscription = await a_subscription(client, browser)
    owner, nobody = str(subscription.customer), (await a_customer(client)).id
    flow = {"type": "subscription_cancel", "subscription_cancel": {"subscription": subscription.id}}
    session = await a_portal(client, owner, flow_data=flow)
    assert session.flow is not None
    assert session.flow.subscription_cancel is not None
    assert session.flow.subscription_cancel.subscription == subscription.id
    assert session.flow.after_completion.type == "portal_homepage"
    closed = await a_configuration(client, invoice_history={"enabled": True})
    wrong: list[tuple[str, dict[str, Any]]] = [
        (nobody, {"flow_data": flow}),
        (owner, {"flow_data": {"type": "subscription_cancel"}}),
        (owner, {"flow_data": {**flow, "after_completion": {"type": "redirect"}}}),
        (owner, {"flow_data": {"type": "subscription_pause", "subscription_pause": {"subscription": "sub_1"}}}),
        (owner, {"flow_data": flow, "configuration": closed.id}),
        (owner, {"flow_data": {"type": "payment_method_update"}, "configuration": closed.id}),
        (owner, {"return_url": "shop.test"}),
        ("cus_none", {}),
    ]
    for customer, params in wrong:
        with pytest.raises(stripe.InvalidRequestError):
            await a_portal(client, customer, **params)
    await client.v1.subscriptions.update_async(subscription.id, {"cancel_at_period_end": True})
    with pytest.raises(stripe.InvalidRequestError, match="already set to be canceled"):
        await a_portal(client, owner, flow_data=flow)


async def test_events_tell_of_sessions_and_configurations(
    client: stripe.StripeClient, endpoint: Endpoint, control: Control
) -> None:
    made = await a_configuration(client, invoice_history={"enabled": True})
    await client.v1.billing_portal.configurations.update_async(made.id, {"name": "Ours"})
    await a_portal(client, (await a_customer(client)).id)
    wanted = {
        f"billing_portal.{what}" for what in ("configuration.created", "configuration.updated", "session.created")
    }
    await until(lambda: wanted <= endpoint.types(), within=5, what="events of the portal")
    assert (await control.get("/state"))["unimplemented_total"] == 0
