"""A time before the first bill: once for a person, with a card on file, and never a surprise."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from s4_billing import provisioning
from s4_bus.testing import deliver
from s4_contracts.billing import SubscriptionEnded
from s4_shop.ports import free_port
from support.billing_life import Life, a_failure
from support.billing_service import EMAIL, PLANS, Billing, a_wish, same, settings_for
from support.stripe_double import StripeDouble
from support.subscriber import Subscriber


@pytest.fixture
async def trying(database: str, double: StripeDouble, webhook_port: int, state_dir: Path) -> AsyncIterator[Billing]:
    """A service whose personal plan begins with a fortnight free."""
    settings = settings_for(database, double, webhook_port, state_dir)
    plans = state_dir / "trying.toml"
    plans.write_text(PLANS.replace("[large]", "trial_days = 14\n\n[large]"))
    async with Billing.running(same(settings, catalogue=plans), double) as billing:
        await billing.service.catalogue.push()
        yield billing


async def test_the_plans_say_how_long_they_are_free(trying: Billing) -> None:
    _, told = await trying.call("GET", "/plans")
    assert {plan["id"]: plan["trial_days"] for plan in told["plans"]} == {"personal": 14, "large": 0}


async def test_who_tries_pays_nothing_has_everything_and_is_told_until_when(trying: Billing) -> None:
    buyer = await Subscriber.of(trying)
    told = await buyer.shown()
    assert (told["state"], told["next"]["amount"], told["next"]["at"]) == ("active", 2500, told["trial_end"])
    assert sum(bill["amount_paid"] for bill in told["invoices"]) == 0
    signup = await trying.paid_signup()
    assert signup.trial_end is not None
    assert signup.trial_end.isoformat() == told["trial_end"]
    assert (await buyer.at_stripe())["status"] == "trialing"


async def test_a_card_is_on_file_from_the_first_day(trying: Billing) -> None:
    await trying.open(a_wish())
    (session,) = await trying.double.objects("/v1/checkout/sessions")
    assert session["payment_method_collection"] == "always"


async def test_after_the_trial_the_plan_is_charged(trying: Billing) -> None:
    buyer = await Subscriber.of(trying)
    await buyer.later(days=15)
    told = await buyer.shown()
    assert (told["state"], told["invoices"][0]["amount_paid"]) == ("active", 2500)


async def test_who_leaves_during_the_trial_is_never_charged(trying: Billing) -> None:
    buyer = await Subscriber.of(trying)
    told = await buyer.ask("/cancel", when="period_end")
    assert told["cancel_at"] == told["trial_end"]
    await buyer.later(days=15)
    told = await buyer.shown()
    assert (told["state"], told["ended"]["reason"]) == ("ended", "cancelled")
    assert sum(bill["amount_paid"] for bill in told["invoices"]) == 0


async def test_a_card_that_fails_after_the_trial_is_a_bill_that_is_due(trying: Billing) -> None:
    buyer = await Subscriber.of(trying, card="4000000000000341")
    assert (await buyer.shown())["state"] == "active"
    await buyer.later(days=15)
    told = await buyer.shown()
    assert (told["state"], told["failing"]["amount"]) == ("past_due", 2500)


async def test_nobody_tries_twice_under_one_account_or_address(trying: Billing) -> None:
    buyer = await Subscriber.of(trying)
    await buyer.ask("/cancel", when="now")
    for wish in (a_wish(account_id=buyer.id), a_wish(email=EMAIL.title())):
        await trying.open(wish)
        session = (await trying.double.objects("/v1/checkout/sessions"))[0]
        assert session["amount_total"] == 2500
    await trying.open(a_wish(email="another@example.org"))
    assert (await trying.double.objects("/v1/checkout/sessions"))[0]["amount_total"] == 0


async def test_a_larger_plan_during_the_trial_costs_nothing_yet(trying: Billing) -> None:
    buyer = await Subscriber.of(trying)
    shown = await buyer.preview("large")
    assert (shown["amount_now"], shown["lines"], shown["next_amount"]) == (0, [], 9900)
    status, told = await buyer.agree(shown)
    assert (status, told["plan"], told["next"]["amount"]) == (200, "large", 9900)
    assert told["next"]["at"] == shown["next_at"] == told["trial_end"]
    assert sum(bill["amount_paid"] for bill in told["invoices"]) == 0


async def test_a_second_replica_asked_for_the_same_gives_the_same_trial(trying: Billing) -> None:
    wish = a_wish()
    first = await trying.open(wish)
    settings = same(trying.settings, listen=f"127.0.0.1:{free_port()}", person_patience=timedelta(seconds=6))
    async with Billing.running(settings, trying.double, converging=False) as other:
        assert await other.open(wish) == first


async def test_a_trial_without_a_grid_ends_although_there_is_nothing_to_pay_back(trying: Billing) -> None:
    life = await Life.subscribed(trying)
    await deliver(trying.service.pool, provisioning.routes(), a_failure(life))
    await life.settle()
    assert await trying.double.objects("/v1/refunds") == []
    assert await life.told() == ["SignupPaid", "SubscriptionEnded"]
    assert [each.reason for each in await life.events(SubscriptionEnded)] == ["not-provided"]


async def test_a_trial_whose_first_bill_fails_has_its_grace(trying: Billing) -> None:
    life = await Life.subscribed(trying, "4000000000000341")
    await life.go(timedelta(days=15))
    row = await life.row()
    assert (row.state, row.attempts) == ("past_due", 1)
    assert await life.told() == ["SignupPaid", "PaymentFailed"]
