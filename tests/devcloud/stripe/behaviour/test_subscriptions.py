import uuid

import pytest
import stripe

from devcloud.stripe.behaviour.account import Account
from devcloud.stripe.behaviour.lives import DECLINED, FAILS_WHEN_CHARGED, a_life, period


async def test_a_good_card_makes_an_active_subscription_with_a_paid_invoice(account: Account) -> None:
    life = await a_life(account)
    subscription = await life.subscribe(await account.price(1999), metadata={"account_id": "a-1"})
    assert (subscription.status, subscription.customer) == ("active", life.customer.id)
    assert (subscription.cancel_at, subscription.cancel_at_period_end, subscription.ended_at) == (None, False, None)
    start, end = period(subscription)
    assert 28 * 24 * 3600 <= end - start <= 31 * 24 * 3600
    assert "current_period_end" not in subscription
    invoice = await life.client.v1.invoices.retrieve_async(str(subscription.latest_invoice))
    assert (invoice.status, invoice.total, invoice.amount_paid, invoice.amount_remaining) == ("paid", 1999, 1999, 0)
    assert (type(invoice.total), invoice.currency, invoice.billing_reason) == (int, "usd", "subscription_create")
    assert invoice.parent is not None
    assert invoice.parent.subscription_details is not None
    assert invoice.parent.subscription_details.subscription == subscription.id
    charge = await life.charge_of(invoice)
    assert (charge.amount, charge.status, charge.paid, charge.customer) == (1999, "succeeded", True, life.customer.id)


async def test_a_declined_card_cannot_be_attached(account: Account) -> None:
    life = await a_life(account, None)
    with pytest.raises(stripe.CardError) as declined:
        await life.card(DECLINED)
    assert declined.value.error is not None
    assert (declined.value.http_status, declined.value.code) == (402, "card_declined")
    assert declined.value.error.decline_code == "generic_decline"


async def test_a_card_that_fails_makes_no_subscription_when_that_is_an_error(account: Account) -> None:
    life = await a_life(account, FAILS_WHEN_CHARGED)
    with pytest.raises(stripe.CardError) as declined:
        await life.subscribe(await account.price(), payment_behavior="error_if_incomplete")
    assert (declined.value.http_status, declined.value.code) == (402, "card_declined")
    kept = await life.client.v1.subscriptions.list_async({"customer": life.customer.id, "status": "all"})
    assert kept.data == []


async def test_a_card_that_fails_leaves_an_incomplete_subscription_otherwise(account: Account) -> None:
    life = await a_life(account, FAILS_WHEN_CHARGED)
    subscription = await life.subscribe(await account.price(), payment_behavior="allow_incomplete")
    assert subscription.status == "incomplete"
    invoice = await life.client.v1.invoices.retrieve_async(str(subscription.latest_invoice))
    assert (invoice.status, invoice.amount_paid, invoice.attempt_count) == ("open", 0, 1)


async def test_the_same_key_subscribes_once(account: Account) -> None:
    life, price = await a_life(account), await account.price()
    options: stripe.RequestOptions = {"idempotency_key": f"subscribe-{uuid.uuid4().hex}"}
    params: stripe.params.SubscriptionCreateParams = {"customer": life.customer.id, "items": [{"price": price.id}]}
    made = [(await life.client.v1.subscriptions.create_async(params, options)).id for _ in range(2)]
    listed = await life.client.v1.subscriptions.list_async({"customer": life.customer.id, "status": "all"})
    assert [row.id for row in listed.data] == [made[0]]
    assert made[0] == made[1]


async def test_what_was_cancelled_is_listed_only_when_asked_for_and_cannot_be_cancelled_again(
    account: Account,
) -> None:
    life = await a_life(account)
    subscription = await life.subscribe(await account.price())
    ended = await life.client.v1.subscriptions.cancel_async(subscription.id)
    assert (ended.status, ended.ended_at is not None, ended.canceled_at is not None) == ("canceled", True, True)
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.reason == "cancellation_requested"
    mine = {"customer": life.customer.id}
    assert (await life.client.v1.subscriptions.list_async({"customer": life.customer.id})).data == []
    for status in ("all", "canceled"):
        found = await life.client.v1.subscriptions.list_async({"status": status, **mine})  # type: ignore[arg-type]  # both are statuses
        assert [row.id for row in found.data] == [subscription.id]
    with pytest.raises(stripe.InvalidRequestError) as again:
        await life.client.v1.subscriptions.cancel_async(subscription.id)
    assert (again.value.http_status, again.value.code) == (404, "resource_missing")


async def test_a_trial_begins_with_a_free_paid_invoice(account: Account) -> None:
    life = await a_life(account)
    subscription = await life.subscribe(await account.price(), trial_period_days=14)
    assert subscription.status == "trialing"
    assert subscription.trial_end is not None
    assert period(subscription)[1] == subscription.trial_end
    invoices = await life.invoices(subscription)
    assert [(row.status, row.total, row.billing_reason) for row in invoices] == [("paid", 0, "subscription_create")]


async def test_a_deleted_customers_subscription_is_cancelled(account: Account) -> None:
    life = await a_life(account)
    subscription = await life.subscribe(await account.price())
    await life.client.v1.customers.delete_async(life.customer.id)
    assert (await life.again(subscription)).status == "canceled"
    left = await life.client.v1.customers.retrieve_async(life.customer.id)
    assert left["deleted"] is True
