"""Several webhook endpoints, each with its own secret and its own wishes."""

import pytest
import stripe

from devcloud.stripe.ends import Control, Endpoint
from devcloud.stripe.shop import a_customer, a_price
from support.waiting import until


async def settled(control: Control) -> None:
    async def is_settled() -> bool:
        return bool((await control.get("/state"))["webhooks"]["pending"] == 0)

    await until(is_settled, within=10, what="all deliveries")


async def test_each_endpoint_gets_what_it_enabled_signed_with_its_own_secret(
    client: stripe.StripeClient, control: Control, endpoint: Endpoint, second_endpoint: Endpoint
) -> None:
    made = await client.v1.webhook_endpoints.create_async(
        {"url": second_endpoint.url, "enabled_events": ["customer.created"], "metadata": {"for": "tests"}}
    )
    assert made.secret is not None
    await a_price(client)
    await a_customer(client)
    await settled(control)
    assert endpoint.types() == {"product.created", "price.created", "customer.created"}
    (event,) = second_endpoint.events(made.secret)
    assert event.type == "customer.created"
    with pytest.raises(stripe.SignatureVerificationError):
        second_endpoint.events()


async def test_an_event_is_delivered_only_when_every_endpoint_took_it(
    client: stripe.StripeClient, control: Control, second_endpoint: Endpoint
) -> None:
    await client.v1.webhook_endpoints.create_async({"url": second_endpoint.url, "enabled_events": ["*"]})
    second_endpoint.answers = [500] * 5
    await a_customer(client)
    await settled(control)
    (missed,) = (await client.v1.events.list_async({"delivery_success": False})).data
    assert missed.pending_webhooks == 1
    tries = (await control.get("/journal"))["deliveries"]
    assert sorted(row["status"] for row in tries) == [200, 500, 500, 500, 500, 500]
    await control.post("/webhooks/release", order=[missed.id])
    await settled(control)
    assert (await client.v1.events.retrieve_async(missed.id)).pending_webhooks == 0


async def test_the_secret_is_shown_once(client: stripe.StripeClient, second_endpoint: Endpoint) -> None:
    made = await client.v1.webhook_endpoints.create_async({"url": second_endpoint.url, "enabled_events": ["*"]})
    assert str(made.secret).startswith("whsec_")
    assert "secret" not in await client.v1.webhook_endpoints.retrieve_async(made.id)
    assert [row.id for row in (await client.v1.webhook_endpoints.list_async()).data] == [made.id]


async def test_a_disabled_or_deleted_endpoint_is_told_nothing(
    client: stripe.StripeClient, control: Control, second_endpoint: Endpoint
) -> None:
    made = await client.v1.webhook_endpoints.create_async({"url": second_endpoint.url, "enabled_events": ["*"]})
    disabled = await client.v1.webhook_endpoints.update_async(made.id, {"disabled": True, "description": "off"})
    assert (disabled.status, disabled.description) == ("disabled", "off")
    await a_customer(client)
    again = await client.v1.webhook_endpoints.update_async(made.id, {"disabled": False, "enabled_events": ["*"]})
    assert again.status == "enabled"
    assert (await client.v1.webhook_endpoints.delete_async(made.id)).deleted
    await a_customer(client)
    await settled(control)
    assert second_endpoint.received == []
    with pytest.raises(stripe.InvalidRequestError) as gone:
        await client.v1.webhook_endpoints.retrieve_async(made.id)
    assert gone.value.code == "resource_missing"


async def test_an_endpoint_that_is_deleted_is_not_tried_again(
    client: stripe.StripeClient, control: Control, second_endpoint: Endpoint
) -> None:
    made = await client.v1.webhook_endpoints.create_async({"url": second_endpoint.url, "enabled_events": ["*"]})
    await control.post("/webhooks", mode="hold")
    await a_customer(client)
    await client.v1.webhook_endpoints.delete_async(made.id)
    await control.post("/webhooks/release")
    await settled(control)
    assert second_endpoint.received == []


@pytest.mark.parametrize(
    "params",
    [
        {"url": "nowhere", "enabled_events": ["*"]},
        {"url": "http://127.0.0.1:1/", "enabled_events": ["customer.exploded"]},
        {"url": "http://127.0.0.1:1/", "enabled_events": []},
        {"url": "http://127.0.0.1:1/", "enabled_events": ["*"], "api_version": "2025-01-27.acacia"},
        {"url": "http://127.0.0.1:1/", "enabled_events": ["*"], "connect": True},
    ],
)
async def test_an_endpoint_that_makes_no_sense_is_refused(
    client: stripe.StripeClient, params: stripe.params.WebhookEndpointCreateParams
) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.webhook_endpoints.create_async(params)
    assert (await client.v1.webhook_endpoints.list_async()).data == []


async def test_there_are_sixteen_endpoints_at_most(client: stripe.StripeClient) -> None:
    wanted: stripe.params.WebhookEndpointCreateParams = {"url": "http://127.0.0.1:1/", "enabled_events": ["*"]}
    for _ in range(16):
        await client.v1.webhook_endpoints.create_async(wanted)
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.webhook_endpoints.create_async(wanted)


async def test_the_state_names_the_endpoints_and_not_their_secrets(
    client: stripe.StripeClient, control: Control, endpoint: Endpoint, second_endpoint: Endpoint
) -> None:
    made = await client.v1.webhook_endpoints.create_async(
        {"url": second_endpoint.url, "enabled_events": ["invoice.paid"]}
    )
    state = await control.get("/state")
    assert [(row["name"], row["url"], row["enabled_events"]) for row in state["webhooks"]["endpoints"]] == [
        ("command line", endpoint.url, ["*"]),
        (made.id, second_endpoint.url, ["invoice.paid"]),
    ]
    assert "whsec" not in str(state)


async def test_delayed_deliveries_come_after_the_given_time(
    client: stripe.StripeClient, control: Control, endpoint: Endpoint
) -> None:
    await control.post("/webhooks", mode="delay", seconds=0.2)
    await a_customer(client)
    assert (await control.get("/state"))["webhooks"]["pending"] == 1
    assert endpoint.received == []
    await settled(control)
    assert endpoint.types() == {"customer.created"}


async def test_a_delivery_of_the_wrong_mode_is_signed_well_and_says_live(
    client: stripe.StripeClient, control: Control, endpoint: Endpoint
) -> None:
    await control.post("/webhooks", mode="wrong_livemode")
    await a_customer(client)
    await settled(control)
    (event,) = endpoint.events()
    assert event.livemode
    assert (await client.v1.events.retrieve_async(event.id)).livemode is False
