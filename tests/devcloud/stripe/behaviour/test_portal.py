import pytest
import stripe

from devcloud.stripe.behaviour.account import Account


async def a_configuration(account: Account) -> stripe.billing_portal.Configuration:
    return await account.client.v1.billing_portal.configurations.create_async(
        {
            "features": {
                "invoice_history": {"enabled": True},
                "payment_method_update": {"enabled": True},
                "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
            },
            "business_profile": {"headline": "A run of the behaviour suite"},
        }
    )


async def test_a_portal_session_is_an_address_and_no_two_are_the_same(account: Account) -> None:
    customer, configuration = await account.customer(), await a_configuration(account)
    one, other = [
        await account.client.v1.billing_portal.sessions.create_async(
            {"customer": customer.id, "configuration": configuration.id, "return_url": "https://example.com/account"}
        )
        for _ in range(2)
    ]
    assert one.id.startswith("bps_")
    assert one.url.startswith("http")
    assert one.url != other.url
    assert (one.customer, one.configuration, one.flow) == (customer.id, configuration.id, None)


async def test_a_portal_session_can_be_for_one_thing(account: Account) -> None:
    customer, configuration = await account.customer(), await a_configuration(account)
    session = await account.client.v1.billing_portal.sessions.create_async(
        {
            "customer": customer.id,
            "configuration": configuration.id,
            "return_url": "https://example.com/account",
            "flow_data": {"type": "payment_method_update"},
        }
    )
    assert session.flow is not None
    assert (session.flow.type, session.flow.after_completion.type) == ("payment_method_update", "portal_homepage")


async def test_a_configuration_has_every_feature_and_those_not_asked_for_are_off(account: Account) -> None:
    features = (await a_configuration(account)).features
    assert features.invoice_history.enabled
    assert (features.subscription_cancel.enabled, features.subscription_cancel.mode) == (True, "at_period_end")
    assert not features.subscription_update.enabled
    assert not features.customer_update.enabled


async def test_a_portal_for_nobody_is_refused(account: Account) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await account.client.v1.billing_portal.sessions.create_async({"customer": "cus_behaviournone"})
    assert refused.value.code == "resource_missing"
