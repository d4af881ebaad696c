"""The person waits no longer, at whatever line billing is then: asked again with the same click, it happens once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from s4_runtime import new_id
from s4_shop.ports import free_port
from support.billing_service import Billing, same
from support.subscriber import Subscriber

# What takes long and has a quick form elsewhere.
pytestmark = pytest.mark.long

SECONDS = [0.005, 0.02, 0.045, 0.09]


@asynccontextmanager
async def impatient(buyer: Subscriber, seconds: float) -> AsyncIterator[Subscriber]:
    """The same account at a replica that is left in the middle of its work."""
    patience = timedelta(seconds=seconds)
    settings = same(buyer.billing.settings, listen=f"127.0.0.1:{free_port()}", person_patience=patience)
    async with Billing.running(settings, buyer.billing.double, converging=False) as other:
        other.clock.ahead = buyer.billing.clock.ahead
        yield Subscriber(other, buyer.id)


async def charges(buyer: Subscriber) -> list[int]:
    taken = await buyer.billing.double.objects("/v1/charges")
    return [charge["amount"] for charge in taken if charge["status"] == "succeeded"]


@pytest.mark.parametrize("seconds", SECONDS)
async def test_a_change_of_plan_is_paid_once(billing: Billing, seconds: float) -> None:
    buyer = await Subscriber.of(billing)
    shown = await buyer.preview("large")
    async with impatient(buyer, seconds) as hurried:
        assert (await hurried.agree(shown))[0] in {200, 503}
    status, told = await buyer.agree(shown)
    assert (status, told["plan"]) == (200, "large")
    assert await charges(buyer) == [shown["amount_now"], 2500]


@pytest.mark.parametrize("seconds", SECONDS)
async def test_a_bill_is_paid_once(billing: Billing, seconds: float) -> None:
    buyer = await Subscriber.of(billing)
    await buyer.bank("generic_decline")
    await buyer.later(days=32)
    await buyer.bank("ok")
    click = new_id()
    async with impatient(buyer, seconds) as hurried:
        assert (await hurried.click("/pay", request_id=click))[0] in {200, 503}
    assert (await buyer.ask("/pay", request_id=click))["state"] == "active"
    assert await charges(buyer) == [2500, 2500]


@pytest.mark.parametrize("when", ["now", "period_end"])
@pytest.mark.parametrize("seconds", SECONDS)
async def test_a_cancellation_happens(billing: Billing, seconds: float, when: str) -> None:
    buyer = await Subscriber.of(billing)
    click = new_id()
    async with impatient(buyer, seconds) as hurried:
        assert (await hurried.click("/cancel", when=when, request_id=click))[0] in {200, 503}
    told = await buyer.ask("/cancel", when=when, request_id=click)
    assert told["ended" if when == "now" else "cancel_at"]


@pytest.mark.parametrize("seconds", SECONDS)
async def test_nobody_asks_again_and_it_happens_all_the_same_or_not_at_all(billing: Billing, seconds: float) -> None:
    buyer = await Subscriber.of(billing)
    shown = await buyer.preview("large")
    async with impatient(buyer, seconds) as hurried:
        await hurried.agree(shown)
    billing.clock.ahead += timedelta(minutes=2)
    await billing.service.commands.settle(billing.service.sync.account)
    told = await buyer.synced()
    written = await billing.rows("select state from stripe_command where kind = 'subscription.change_plan'")
    assert [row["state"] for row in written] in ([], ["ok"])
    assert told["plan"] == ("large" if written else "personal")
    assert len(await charges(buyer)) == 1 + len(written)
