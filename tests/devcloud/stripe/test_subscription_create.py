from typing import Any

import pytest
import stripe

from devcloud.stripe.lives import DAY, HOUR, Life, period
from devcloud.stripe.shop import GOOD, a_customer, a_price


async def a_customer_with_a_card(life: Life, behaviour: str = "ok") -> tuple[str, str, str]:
    """A customer who once bought something, the card, and a price for more."""
    bought = await life.subscribe()
    await life.card(GOOD, behaviour)
    price = await a_price(life.client, "more", 900)
    return str(bought.customer), str(bought.default_payment_method), price.id


async def create(life: Life, behaviour: str = "ok", **params: Any) -> stripe.Subscription:
    customer, card, price = await a_customer_with_a_card(life, behaviour)
    sent: Any = {"customer": customer, "items": [{"price": price}], "default_payment_method": card, **params}
    return await life.client.v1.subscriptions.create_async(sent)


async def test_a_subscription_for_a_customer_with_a_card_is_paid_and_active(life: Life) -> None:
    subscription = await create(life, metadata={"a": "b"}, expand=["latest_invoice.payments"])
    assert (subscription.status, subscription.metadata["a"]) == ("active", "b")
    assert isinstance(subscription.latest_invoice, stripe.Invoice)
    assert (subscription.latest_invoice.status, subscription.latest_invoice.amount_paid) == ("paid", 900)
    await life.go_to(period(subscription)[1] + HOUR)
    assert (await life.invoices(subscription))[0].status == "paid"


async def test_a_first_invoice_that_is_not_paid_leaves_it_incomplete_for_23_hours(life: Life) -> None:
    subscription = await create(life, "generic_decline")
    assert subscription.status == "incomplete"
    await life.wait(23 * HOUR)
    expired = await life.again(subscription)
    assert expired.status == "incomplete_expired"
    invoices = await life.invoices(subscription)
    assert [(invoice.status, invoice.attempt_count) for invoice in invoices] == [("void", 1)]
    await life.wait(40 * DAY)
    assert len(await life.invoices(subscription)) == 1


async def test_an_incomplete_subscription_is_active_once_its_invoice_is_paid(life: Life) -> None:
    subscription = await create(
        life, payment_behavior="default_incomplete", expand=["latest_invoice.confirmation_secret"]
    )
    assert subscription.status == "incomplete"
    assert isinstance(subscription.latest_invoice, stripe.Invoice)
    assert subscription.latest_invoice.confirmation_secret is not None
    paid = await life.client.v1.invoices.pay_async(
        str(subscription.latest_invoice.id), {"expand": ["confirmation_secret"]}
    )
    assert paid.confirmation_secret is None
    assert (await life.again(subscription)).status == "active"


async def test_one_that_must_be_paid_and_is_not_never_was(life: Life) -> None:
    with pytest.raises(stripe.CardError) as declined:
        await create(life, "expired_card", payment_behavior="error_if_incomplete")
    assert declined.value.code == "expired_card"
    assert len((await life.client.v1.subscriptions.list_async({"status": "all"})).data) == 1


async def test_a_trial_needs_no_payment(life: Life) -> None:
    subscription = await create(life, "generic_decline", trial_period_days=7)
    assert (subscription.status, len(await life.invoices(subscription))) == ("trialing", 1)


async def test_a_customer_without_a_card_cannot_be_charged(life: Life) -> None:
    customer, price = await a_customer(life.client), await a_price(life.client)
    with pytest.raises(stripe.InvalidRequestError, match="default payment method"):
        await life.client.v1.subscriptions.create_async({"customer": customer.id, "items": [{"price": price.id}]})


@pytest.mark.parametrize(
    "params",
    [
        {"customer": None},
        {"customer": "cus_nobody"},
        {"items": []},
        {"items": [{"quantity": 1}]},
        {"default_payment_method": "pm_others"},
        {"payment_behavior": "pending_if_incomplete"},
        {"trial_end": 5},
        {"trial_period_days": 3, "trial_end": "now"},
        {"days_until_due": 3},
    ],
)
async def test_what_cannot_be_a_subscription_is_refused(life: Life, params: dict[str, Any]) -> None:
    customer, card, price = await a_customer_with_a_card(life)
    full = {"customer": customer, "items": [{"price": price}], "default_payment_method": card, **params}
    sent: Any = {name: value for name, value in full.items() if value is not None}
    with pytest.raises(stripe.InvalidRequestError):
        await life.client.v1.subscriptions.create_async(sent)


async def test_a_card_of_somebody_else_is_refused(life: Life) -> None:
    _, card, price = await a_customer_with_a_card(life)
    other = await a_customer(life.client, "other@example.com")
    with pytest.raises(stripe.InvalidRequestError, match="must be attached"):
        await life.client.v1.subscriptions.create_async(
            {"customer": other.id, "items": [{"price": price}], "default_payment_method": card}
        )
