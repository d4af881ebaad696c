"""A request is done wholly or not at all."""

import pytest
import stripe

from devcloud.stripe.ends import Control, Endpoint
from devcloud.stripe.shop import a_customer
from support.waiting import until


async def refused_at_the_end(client: stripe.StripeClient) -> None:
    """A request whose work is done when its answer turns out to be impossible."""
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.customers.create_async({"email": "nobody@example.com", "expand": ["nothing"]})


async def test_a_request_that_is_refused_at_the_end_leaves_nothing(client: stripe.StripeClient) -> None:
    await refused_at_the_end(client)
    assert (await client.v1.customers.list_async()).data == []
    assert (await client.v1.events.list_async()).data == []


async def test_a_request_that_is_refused_at_the_end_tells_nothing(
    client: stripe.StripeClient, endpoint: Endpoint, control: Control
) -> None:
    await refused_at_the_end(client)
    customer = await a_customer(client)
    await until(lambda: endpoint.received, within=5, what="the event of the customer")
    assert [event.data.object["id"] for event in endpoint.events()] == [customer.id]
