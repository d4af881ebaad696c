"""Event destinations, and events that name the object instead of carrying it."""

import json

import aiohttp
import pytest
import stripe
from stripe.events import V1CustomerCreatedEventNotification
from stripe.params.v2.core import EventDestinationCreateParams
from stripe.v2.core import EventNotification

from devcloud.stripe.ends import SECRET_KEY, Control, Endpoint
from devcloud.stripe.published import problems_with
from devcloud.stripe.shop import a_customer, a_price
from s4_devcloud.stripe.world import World
from support.waiting import until


async def a_destination(
    client: stripe.StripeClient, url: str, *enabled_events: str, payload: str = "thin"
) -> stripe.v2.core.EventDestination:
    params = {
        "name": "Thin",
        "type": "webhook_endpoint",
        "event_payload": payload,
        "enabled_events": list(enabled_events or ("*",)),
        "webhook_endpoint": {"url": url},
        "include": ["webhook_endpoint.signing_secret", "webhook_endpoint.url"],
    }
    return await client.v2.core.event_destinations.create_async(params)  # type: ignore[arg-type]  # payload is a word


def secret_of(destination: stripe.v2.core.EventDestination) -> str:
    assert destination.webhook_endpoint is not None
    return str(destination.webhook_endpoint.signing_secret)


async def the_notification(
    client: stripe.StripeClient, endpoint: Endpoint, destination: stripe.v2.core.EventDestination
) -> EventNotification:
    await until(lambda: endpoint.received, within=5, what="a thin event")
    body, signature = endpoint.received[0]
    assert problems_with(json.loads(body)) == []
    return client.parse_event_notification(body, signature, secret_of(destination))


async def test_a_thin_event_names_the_object_and_leads_to_it(
    client: stripe.StripeClient, second_endpoint: Endpoint
) -> None:
    destination = await a_destination(client, second_endpoint.url, "v1.customer.created")
    await a_price(client)
    customer = await client.v1.customers.create_async({"email": "a@example.com"}, {"idempotency_key": "cust:a-1"})
    told = await the_notification(client, second_endpoint, destination)
    assert isinstance(told, V1CustomerCreatedEventNotification)
    assert told.related_object.id == customer.id
    assert told.reason is not None
    assert told.reason.request is not None
    assert told.reason.request.idempotency_key == "cust:a-1"
    assert b"a@example.com" not in second_endpoint.received[0][0]
    fetched = await client.v2.core.events.retrieve_async(told.id)
    snapshot = await client.v1.events.retrieve_async(str(fetched.snapshot_event))
    assert (fetched.id, snapshot.type) == (told.id, "customer.created")
    assert snapshot.data.object["email"] == "a@example.com"


async def test_the_sdks_own_way_to_the_object_is_not_to_be_used(
    client: stripe.StripeClient, second_endpoint: Endpoint
) -> None:
    """Its asynchronous fetches send a parameter that is none. When this fails the SDK was mended: use them."""
    destination = await a_destination(client, second_endpoint.url, "v1.customer.created")
    await a_customer(client)
    told = await the_notification(client, second_endpoint, destination)
    assert isinstance(told, V1CustomerCreatedEventNotification)
    with pytest.raises(stripe.InvalidRequestError, match="usage"):
        await told.fetch_related_object_async()
    with pytest.raises(stripe.InvalidRequestError, match="usage"):
        await told.fetch_event_async()


async def test_a_destination_for_snapshots_gets_the_object_too(
    client: stripe.StripeClient, second_endpoint: Endpoint
) -> None:
    destination = await a_destination(client, second_endpoint.url, "customer.created", payload="snapshot")
    await a_price(client)
    customer = await a_customer(client)
    await until(lambda: second_endpoint.received, within=5, what="the snapshot event")
    (event,) = second_endpoint.events(secret_of(destination))
    assert event.data.object["id"] == customer.id


async def test_an_end_has_no_reason_when_time_made_it(client: stripe.StripeClient, control: Control) -> None:
    await a_customer(client)
    events = await client.v2.core.events.list_async()
    assert events.data[0].reason is not None
    await control.post("/clock/advance", seconds=31 * 24 * 3600)
    assert (await client.v2.core.events.list_async()).data == []


async def test_thin_events_are_listed_by_type_by_object_and_by_time_in_pages(client: stripe.StripeClient) -> None:
    customers = [await a_customer(client, f"{number}@example.com") for number in range(3)]
    price = await a_price(client)
    first = await client.v2.core.events.list_async({"limit": 2})
    assert first.next_page_url is not None
    seen = [event.id async for event in first.auto_paging_iter()]
    assert len(seen) == len(set(seen)) == 5
    about = await client.v2.core.events.list_async({"object_id": price.id})
    assert [event.type for event in about.data] == ["v1.price.created"]
    typed = await client.v2.core.events.list_async({"types": ["v1.customer.created"]})
    assert len(typed.data) == len(customers)
    late = await client.v2.core.events.list_async({"created": {"gt": "2999-01-01T00:00:00.000Z"}})
    early = await client.v2.core.events.list_async({"created": {"gte": "2020-01-01T00:00:00.000Z"}, "limit": 100})
    assert (len(late.data), len(early.data)) == (0, 5)


async def test_destinations_are_read_changed_and_deleted(
    client: stripe.StripeClient, second_endpoint: Endpoint
) -> None:
    destinations = client.v2.core.event_destinations
    made = await a_destination(client, second_endpoint.url)
    plain = await destinations.retrieve_async(made.id)
    assert (plain.status, plain.event_payload) == ("enabled", "thin")
    assert "signing_secret" not in str(plain)
    changed = await destinations.update_async(
        made.id,
        {"name": "Other", "metadata": {"a": "b"}, "webhook_endpoint": {"url": "http://127.0.0.1:1/"}},
    )
    assert changed.name == "Other"
    shown = await destinations.retrieve_async(made.id, {"include": ["webhook_endpoint.url"]})
    assert shown.webhook_endpoint is not None
    assert shown.webhook_endpoint.url == "http://127.0.0.1:1/"
    assert [row.id for row in (await destinations.list_async()).data] == [made.id]
    assert (await destinations.delete_async(made.id)).id == made.id
    assert (await destinations.list_async()).data == []
    with pytest.raises(stripe.InvalidRequestError) as gone:
        await destinations.retrieve_async(made.id)
    assert gone.value.http_status == 404


async def test_a_disabled_destination_is_told_nothing_until_it_is_enabled(
    client: stripe.StripeClient, second_endpoint: Endpoint
) -> None:
    made = await a_destination(client, second_endpoint.url, "v1.customer.created")
    disabled = await client.v2.core.event_destinations.disable_async(made.id)
    assert disabled.status_details is not None
    await a_customer(client, "first@example.com")
    assert (await client.v2.core.event_destinations.enable_async(made.id)).status == "enabled"
    second = await a_customer(client, "second@example.com")
    told = await the_notification(client, second_endpoint, made)
    assert isinstance(told, V1CustomerCreatedEventNotification)
    assert told.related_object.id == second.id
    assert len(second_endpoint.received) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "amazon_eventbridge"},
        {"type": "pigeon"},
        {"enabled_events": []},
        {"webhook_endpoint": None},
        {"webhook_endpoint": {"url": "nowhere"}},
        {"events_from": ["@accounts"]},
        {"snapshot_api_version": stripe.api_version},
        {"name": None},
        {"colour": "blue"},
    ],
)
async def test_a_destination_that_makes_no_sense_is_refused_in_the_shape_of_v2(
    world: World, browser: aiohttp.ClientSession, changes: dict[str, object]
) -> None:
    params = {
        "name": "x",
        "type": "webhook_endpoint",
        "event_payload": "thin",
        "enabled_events": ["*"],
        "webhook_endpoint": {"url": "http://127.0.0.1:1/"},
        **changes,
    }
    sent = {name: value for name, value in params.items() if value is not None}
    url, headers = f"{world.settings.public_url}/v2/core/event_destinations", {"Authorization": f"Bearer {SECRET_KEY}"}
    async with browser.post(url, json=sent, headers=headers) as answer:
        assert answer.status == 400
        body = await answer.json()
    assert "code" in body["error"]
    assert problems_with(body) == []


@pytest.mark.parametrize("body", ["{", "[]", "a=b", '{"a": ' * 5000])
async def test_what_is_no_json_object_is_refused(world: World, browser: aiohttp.ClientSession, body: str) -> None:
    url = f"{world.settings.public_url}/v2/core/event_destinations"
    headers = {"Authorization": f"Bearer {SECRET_KEY}", "Content-Type": "application/json"}
    async with browser.post(url, data=body, headers=headers) as answer:
        assert answer.status == 400


async def test_a_repeated_creation_under_one_key_makes_one_destination(
    client: stripe.StripeClient, second_endpoint: Endpoint
) -> None:
    params: EventDestinationCreateParams = {
        "name": "x",
        "type": "webhook_endpoint",
        "event_payload": "thin",
        "enabled_events": ["*"],
        "webhook_endpoint": {"url": second_endpoint.url},
    }
    keyed: stripe.RequestOptions = {"idempotency_key": "ed:1"}
    one, same = [await client.v2.core.event_destinations.create_async(params, keyed) for _ in range(2)]
    assert one.id == same.id
    params["name"] = "y"
    with pytest.raises(stripe.IdempotencyError):
        await client.v2.core.event_destinations.create_async(params, keyed)
