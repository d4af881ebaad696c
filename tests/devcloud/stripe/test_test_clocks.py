import pytest
import stripe

from devcloud.stripe.ends import Control
from devcloud.stripe.shop import a_customer, a_price

DAY = 24 * 3600
MONTH = 31 * DAY


async def a_clock(client: stripe.StripeClient, control: Control, ahead: int = 0) -> stripe.test_helpers.TestClock:
    now = (await control.get("/state"))["now"]
    return await client.v1.test_helpers.test_clocks.create_async({"frozen_time": now + ahead, "name": "A year"})


async def a_subscriber(client: stripe.StripeClient, clock: stripe.test_helpers.TestClock) -> stripe.Subscription:
    """A customer of the clock who pays monthly with a good card."""
    customer = await client.v1.customers.create_async({"email": "a@example.com", "test_clock": clock.id})
    card = await client.v1.payment_methods.attach_async("pm_card_visa", {"customer": customer.id})
    return await client.v1.subscriptions.create_async(
        {
            "customer": customer.id,
            "items": [{"price": (await a_price(client)).id}],
            "default_payment_method": card.id,
        }
    )


async def advanced(
    client: stripe.StripeClient, clock: stripe.test_helpers.TestClock, seconds: int
) -> stripe.test_helpers.TestClock:
    """The clock as it answers the order to go ahead."""
    return await client.v1.test_helpers.test_clocks.advance_async(
        clock.id, {"frozen_time": clock.frozen_time + seconds}
    )


async def test_a_subscription_renews_when_its_clock_goes_ahead(client: stripe.StripeClient, control: Control) -> None:
    clock = await a_clock(client, control)
    subscription = await a_subscriber(client, clock)
    assert subscription.test_clock == clock.id
    moving = await advanced(client, clock, MONTH + DAY)
    assert moving.status == "advancing"
    assert moving.status_details.advancing is not None
    arrived = await client.v1.test_helpers.test_clocks.retrieve_async(clock.id)
    assert (arrived.status, arrived.frozen_time) == ("ready", clock.frozen_time + MONTH + DAY)
    invoices = (await client.v1.invoices.list_async({"subscription": subscription.id})).data
    assert [invoice.billing_reason for invoice in invoices] == ["subscription_cycle", "subscription_create"]
    assert {str(invoice.test_clock) for invoice in invoices} == {clock.id}


async def test_a_clock_tells_that_it_moves_and_that_it_arrived(client: stripe.StripeClient, control: Control) -> None:
    clock = await a_clock(client, control)
    await advanced(client, clock, DAY)
    told = await client.v1.events.list_async({"type": "test_helpers.test_clock.*"})
    assert [event.type.rpartition(".")[2] for event in told.data] == ["ready", "advancing", "created"]
    assert told.data[0].created == clock.frozen_time + DAY


async def test_a_new_clock_may_be_ahead_and_not_far_behind(client: stripe.StripeClient, control: Control) -> None:
    before = (await control.get("/state"))["now"]
    clock = await a_clock(client, control, ahead=400 * DAY)
    assert clock.status == "ready"
    assert (await a_customer(client)).created >= before + 400 * DAY
    with pytest.raises(stripe.InvalidRequestError):
        await a_clock(client, control, ahead=-2 * DAY)
    with pytest.raises(stripe.InvalidRequestError):
        await a_clock(client, control, ahead=10 * 366 * DAY)


async def test_a_clock_goes_only_ahead_and_two_intervals_at_once(client: stripe.StripeClient, control: Control) -> None:
    clock = await a_clock(client, control)
    await a_subscriber(client, clock)
    for seconds in (0, -DAY, 3 * MONTH):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await advanced(client, clock, seconds)
        assert refused.value.param == "frozen_time"
    assert (await advanced(client, clock, 59 * DAY)).status == "advancing"


async def test_customers_of_a_clock_are_listed_under_it_only(client: stripe.StripeClient, control: Control) -> None:
    clock = await a_clock(client, control)
    subscription = await a_subscriber(client, clock)
    other = await a_customer(client)
    assert [row.id for row in (await client.v1.customers.list_async()).data] == [other.id]
    theirs = await client.v1.customers.list_async({"test_clock": clock.id, "expand": ["data.test_clock"]})
    assert [row.id for row in theirs.data] == [subscription.customer]
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.customers.create_async({"test_clock": "clock_none"})


async def test_deleting_a_clock_deletes_its_customers(client: stripe.StripeClient, control: Control) -> None:
    clock = await a_clock(client, control)
    subscription = await a_subscriber(client, clock)
    assert [row.id for row in (await client.v1.test_helpers.test_clocks.list_async()).data] == [clock.id]
    assert (await client.v1.test_helpers.test_clocks.delete_async(clock.id)).deleted
    assert (await client.v1.customers.retrieve_async(str(subscription.customer))).deleted
    assert (await client.v1.subscriptions.retrieve_async(subscription.id)).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.test_helpers.test_clocks.retrieve_async(clock.id)
