"""What becomes of customers and of their cards."""

import aiohttp
import pytest
import stripe

from devcloud.stripe.ends import Control
from devcloud.stripe.shop import a_customer, a_session, a_subscription


async def told(client: stripe.StripeClient, *types: str) -> list[str]:
    """The types of these events that were told, oldest first."""
    return [event.type for event in reversed((await client.v1.events.list_async({"types": list(types)})).data)]


async def attached(client: stripe.StripeClient, customer: stripe.Customer, name: str) -> stripe.PaymentMethod:
    return await client.v1.payment_methods.attach_async(name, {"customer": customer.id})


async def test_deleting_a_customer_ends_the_subscriptions_and_leaves_only_the_name(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    subscription = await a_subscription(client, browser)
    customer = str(subscription.customer)
    gone = await client.v1.customers.delete_async(customer)
    assert (gone.id, gone.deleted) == (customer, True)
    assert (await client.v1.subscriptions.retrieve_async(subscription.id)).status == "canceled"
    assert (await client.v1.customers.list_async()).data == []
    found = await client.v1.customers.retrieve_async(customer)
    assert found.deleted
    assert await told(client, "customer.subscription.deleted", "payment_method.detached", "customer.deleted") == [
        "customer.subscription.deleted",
        "payment_method.detached",
        "customer.deleted",
    ]
    expanded = await client.v1.subscriptions.retrieve_async(subscription.id, {"expand": ["customer"]})
    assert not isinstance(expanded.customer, str)
    assert expanded.customer.deleted


async def test_a_deleted_customer_is_used_for_nothing_any_more(client: stripe.StripeClient) -> None:
    customer = await a_customer(client)
    await client.v1.customers.delete_async(customer.id)
    with pytest.raises(stripe.InvalidRequestError) as again:
        await client.v1.customers.delete_async(customer.id)
    assert again.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError) as changed:
        await client.v1.customers.update_async(customer.id, {"name": "Back"})
    assert changed.value.code == "resource_missing"
    with pytest.raises(stripe.InvalidRequestError) as sold:
        await a_session(client, customer=customer.id)
    assert (sold.value.http_status, sold.value.param) == (400, "customer")


async def test_a_test_card_is_attached_made_the_default_and_taken_away(client: stripe.StripeClient) -> None:
    customer = await a_customer(client)
    method = await attached(client, customer, "pm_card_visa")
    assert (method.customer, method.type) == (customer.id, "card")
    assert (await attached(client, customer, method.id)).id == method.id
    changed = await client.v1.customers.update_async(
        customer.id, {"invoice_settings": {"default_payment_method": method.id}}
    )
    assert changed.invoice_settings is not None
    assert changed.invoice_settings.default_payment_method == method.id
    assert (await client.v1.payment_methods.detach_async(method.id)).customer is None
    after = await client.v1.customers.retrieve_async(customer.id)
    assert after.invoice_settings is not None
    assert after.invoice_settings.default_payment_method is None
    assert await told(client, "payment_method.attached", "payment_method.detached") == [
        "payment_method.attached",
        "payment_method.detached",
    ]
    for wrong in (
        client.v1.payment_methods.detach_async(method.id),
        attached(client, customer, method.id),
        client.v1.payment_methods.update_async(method.id, {"metadata": {"a": "b"}}),
    ):
        with pytest.raises(stripe.InvalidRequestError):
            await wrong


async def test_the_default_card_must_be_the_customers_own_and_can_be_unset(client: stripe.StripeClient) -> None:
    customer, other = await a_customer(client), await a_customer(client, "other@example.com")
    method = await attached(client, other, "pm_card_mastercard")
    for name in (method.id, "pm_none"):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await client.v1.customers.update_async(customer.id, {"invoice_settings": {"default_payment_method": name}})
        assert refused.value.code == "resource_missing"
    with pytest.raises(stripe.InvalidRequestError):
        await attached(client, customer, method.id)


async def test_cards_are_listed_newest_first_and_only_their_owners(client: stripe.StripeClient) -> None:
    customer, other = await a_customer(client), await a_customer(client, "other@example.com")
    first, second = [await attached(client, customer, name) for name in ("pm_card_visa", "pm_card_amex")]
    theirs = await attached(client, other, "pm_card_visa")
    for listed in (
        await client.v1.payment_methods.list_async({"customer": customer.id, "type": "card"}),
        await client.v1.customers.payment_methods.list_async(customer.id),
    ):
        assert [row.id for row in listed.data] == [second.id, first.id]
    one = await client.v1.customers.payment_methods.retrieve_async(customer.id, first.id)
    assert one.id == first.id
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.customers.payment_methods.retrieve_async(customer.id, theirs.id)
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.payment_methods.list_async({"type": "card"})


@pytest.mark.parametrize(
    ("name", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ],
)
async def test_a_card_whose_issuer_refuses_is_not_attached(
    client: stripe.StripeClient, name: str, code: str, decline_code: str | None
) -> None:
    customer = await a_customer(client)
    with pytest.raises(stripe.CardError) as refused:
        await attached(client, customer, name)
    assert refused.value.error is not None
    assert (refused.value.code, refused.value.error.decline_code) == (code, decline_code)
    assert (await client.v1.customers.payment_methods.list_async(customer.id)).data == []


async def test_the_issuer_of_a_test_card_can_be_told_to_refuse(client: stripe.StripeClient, control: Control) -> None:
    customer = await a_customer(client)
    await attached(client, customer, "pm_card_chargeCustomerFail")
    await control.post("/cards", number="4242424242424242", behaviour="lost_card")
    with pytest.raises(stripe.CardError):
        await attached(client, customer, "pm_card_visa")


async def test_a_cards_owner_and_expiry_can_be_changed(client: stripe.StripeClient) -> None:
    method = await attached(client, await a_customer(client), "pm_card_visa")
    changed = await client.v1.payment_methods.update_async(
        method.id,
        {
            "billing_details": {"name": "Test Buyer", "email": "", "address": {"country": "DE"}},
            "card": {"exp_month": 1, "exp_year": 2040},
            "metadata": {"a": "b"},
        },
    )
    assert changed.card is not None
    assert (changed.billing_details.name, changed.card.exp_year) == ("Test Buyer", 2040)
    assert changed.billing_details.address is not None
    assert changed.billing_details.address.country == "DE"
    assert await told(client, "payment_method.updated") == ["payment_method.updated"]
