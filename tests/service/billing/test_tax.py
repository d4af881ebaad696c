"""With Stripe Tax: the plans say that tax is added, and what is shown for a change is with it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.billing_service import Billing, same, settings_for
from support.stripe_double import StripeDouble
from support.subscriber import Subscriber


@pytest.fixture
async def taxed(database: str, double: StripeDouble, webhook_port: int, state_dir: Path) -> AsyncIterator[Billing]:
    """A service that collects tax."""
    settings = same(settings_for(database, double, webhook_port, state_dir), stripe_tax=True)
    async with Billing.running(settings, double) as billing:
        await billing.service.catalogue.push()
        yield billing


async def test_the_plans_and_the_next_bill_say_that_tax_is_added(taxed: Billing) -> None:
    assert (await taxed.call("GET", "/plans"))[1]["tax_extra"] is True
    buyer = await Subscriber.of(taxed)
    told = await buyer.shown()
    assert (told["next"]["amount"], told["next"]["tax_extra"]) == (2500, True)
    (bill,) = told["invoices"]
    assert 0 < bill["tax"] == bill["total"] - 2500


async def test_a_change_costs_what_was_shown_with_its_tax(taxed: Billing) -> None:
    buyer = await Subscriber.of(taxed)
    await buyer.later(days=11)
    shown = await buyer.preview("large")
    assert 0 < shown["tax_now"] == shown["amount_now"] - sum(line["amount"] for line in shown["lines"])
    status, told = await buyer.agree(shown)
    bill = told["invoices"][0]
    assert (status, bill["amount_paid"], bill["tax"]) == (200, shown["amount_now"], shown["tax_now"])


async def test_a_price_that_does_not_say_whether_tax_is_in_it_closes_the_signup(taxed: Billing) -> None:
    await taxed.double.reset()
    await taxed.service.catalogue.push()
    assert taxed.service.catalogue.is_open
    for price in await taxed.double.objects("/v1/prices"):
        assert price["tax_behavior"] == "exclusive"
    plain = {"currency": "usd", "unit_amount": "2500", "recurring[interval]": "month", "product": "s4-personal"}
    transfer = {"lookup_key": "s4-personal-monthly-1", "transfer_lookup_key": "true"}
    await taxed.double.call("POST", "/v1/prices", **plain, **transfer)
    await taxed.service.catalogue.check()
    assert taxed.service.catalogue.wrong == {"personal": ["tax is unspecified, not exclusive"]}
