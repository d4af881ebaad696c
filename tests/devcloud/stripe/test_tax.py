from typing import Any

import pytest
import stripe

from devcloud.stripe.lives import DAY, HOUR, Life, period
from devcloud.stripe.shop import a_price, a_session, type_card
from s4_devcloud.stripe.billing.taxes import taxes_on

_TAXED: dict[str, Any] = {"automatic_tax": {"enabled": True}, "customer_update": {"address": "auto", "name": "auto"}}


@pytest.mark.parametrize(
    ("behavior", "amount", "tax", "taxable"),
    [
        ("exclusive", 2500, 475, 2500),
        ("unspecified", 250, 48, 250),
        ("inclusive", 2500, 399, 2101),
        ("exclusive", -2500, -475, -2500),
        ("exclusive", 0, 0, 0),
    ],
)
def test_tax_is_rounded_per_line(behavior: str, amount: int, tax: int, taxable: int) -> None:
    found = taxes_on(amount, {"tax_behavior": behavior}, "none")[0]
    assert (found["amount"], found["taxable_amount"]) == (tax, taxable)


@pytest.mark.parametrize(("exemption", "reason"), [("exempt", "customer_exempt"), ("reverse", "reverse_charge")])
def test_some_customers_pay_no_tax(exemption: str, reason: str) -> None:
    found = taxes_on(2500, {"tax_behavior": "exclusive"}, exemption)[0]
    assert (found["amount"], found["taxability_reason"]) == (0, reason)


async def test_tax_is_added_to_what_the_page_asks_for_and_to_the_invoice(life: Life) -> None:
    session = await a_session(life.client, **_TAXED)
    assert session.amount_total == 2500, "unknown until the page knows where the customer is"
    assert session.url is not None
    async with life.browser.get(session.url) as answer:
        page = await answer.text()
    assert ("4.75 USD" in page, "29.75 USD" in page) == (True, True)
    await type_card(life.browser, session.url)
    paid = await life.client.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["invoice", "line_items"]})
    assert (paid.amount_subtotal, paid.amount_total) == (2500, 2975)
    assert paid.total_details is not None
    assert paid.total_details.amount_tax == 475
    assert paid.line_items is not None
    assert paid.line_items.data[0].amount_tax == 475
    assert isinstance(paid.invoice, stripe.Invoice)
    invoice = paid.invoice
    assert (invoice.subtotal, invoice.total, invoice.total_excluding_tax, invoice.amount_paid) == (
        2500,
        2975,
        2500,
        2975,
    )
    assert invoice.total_taxes is not None
    assert [tax.amount for tax in invoice.total_taxes] == [475]
    charge = (await life.client.v1.charges.list_async()).data[0]
    assert charge.amount == 2975


async def test_renewals_previews_and_changes_are_taxed_alike(life: Life) -> None:
    subscription = await life.subscribe(**_TAXED)
    preview = await life.client.v1.invoices.create_preview_async({"subscription": subscription.id})
    await life.go_to(period(subscription)[1] + HOUR)
    renewal = (await life.invoices(subscription))[0]
    assert (preview.total, preview.amount_due, renewal.amount_paid) == (2975, 2975, 2975)
    other = await a_price(life.client, "family", 6000)
    await life.wait(5 * DAY)
    moment = await life.now()
    items = [{"id": subscription["items"].data[0].id, "price": other.id}]
    change: Any = {"items": items, "proration_behavior": "always_invoice", "proration_date": moment}
    shown = await life.client.v1.invoices.create_preview_async(
        {"subscription": subscription.id, "subscription_details": change}
    )
    await life.client.v1.subscriptions.update_async(subscription.id, change)
    invoice = (await life.invoices(subscription))[0]
    assert (invoice.total, invoice.total_excluding_tax) == (shown.total, shown.total_excluding_tax)
    assert invoice.total_taxes is not None
    assert invoice.total - invoice.subtotal == sum(tax.amount for tax in invoice.total_taxes)


async def test_a_customer_whose_country_is_unknown_is_not_taxed(life: Life) -> None:
    """Stripe switches automatic tax off on such an invoice, and says why."""
    bought = await life.subscribe()
    price = await a_price(life.client, "more", 900)
    subscription = await life.client.v1.subscriptions.create_async(
        {
            "customer": str(bought.customer),
            "default_payment_method": str(bought.default_payment_method),
            "items": [{"price": price.id}],
            "automatic_tax": {"enabled": True},
        }
    )
    invoice = (await life.invoices(subscription))[0]
    assert (invoice.total, invoice.automatic_tax.enabled) == (900, False)
    assert invoice.automatic_tax.disabled_reason == "finalization_requires_location_inputs"


async def test_an_exempt_customer_pays_the_plain_price(life: Life) -> None:
    customer = await life.client.v1.customers.create_async({"email": "a@example.com", "tax_exempt": "exempt"})
    subscription = await life.subscribe(customer=customer.id, **_TAXED)
    invoice = (await life.invoices(subscription))[0]
    assert (invoice.total, invoice.customer_tax_exempt) == (2500, "exempt")
