import json
import time

import aiohttp
import pytest
import stripe

from devcloud.stripe.ends import WEBHOOK_SECRET, Control, Endpoint
from devcloud.stripe.published import problems_with
from devcloud.stripe.shop import DECLINED, a_customer, a_session, type_card
from support.waiting import until

SALE = {
    "customer.created",
    "product.created",
    "price.created",
    "payment_intent.created",
    "payment_method.attached",
    "charge.succeeded",
    "payment_intent.succeeded",
    "customer.subscription.created",
    "invoice.created",
    "invoice.finalized",
    "invoice.paid",
    "invoice.payment_succeeded",
    "invoice_payment.paid",
    "checkout.session.completed",
}


async def all_delivered(control: Control) -> bool:
    webhooks = (await control.get("/state"))["webhooks"]
    return bool(webhooks["pending"] == 0 and not webhooks["held"])


async def settled(control: Control) -> None:
    await until(lambda: all_delivered(control), within=10, what="all deliveries")


async def test_a_sale_tells_everything_that_stripe_tells_and_each_event_is_valid(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, endpoint: Endpoint, control: Control
) -> None:
    session = await a_session(client)
    await type_card(browser, session.url)
    await settled(control)
    assert sorted(event.type for event in endpoint.events()) == sorted(SALE)
    bodies = [json.loads(body) for body, _ in endpoint.received]
    assert [problem for body in bodies for problem in problems_with(body)] == []
    assert {body["api_version"] for body in bodies} == {stripe.api_version}
    assert len({body["id"] for body in bodies}) == len(SALE)


async def test_an_event_names_the_request_that_caused_it(
    client: stripe.StripeClient, endpoint: Endpoint, control: Control
) -> None:
    await client.v1.customers.create_async({"email": "a@example.com"}, {"idempotency_key": "cust:a-1"})
    await settled(control)
    request = endpoint.events()[0].request
    assert request is not None
    assert (request.idempotency_key, str(request.id)[:4]) == ("cust:a-1", "req_")


async def test_what_an_event_tells_can_be_read_when_it_arrives(
    client: stripe.StripeClient, endpoint: Endpoint, control: Control
) -> None:
    await a_customer(client)
    await settled(control)
    event = endpoint.events()[0]
    stored = await client.v1.events.retrieve_async(event.id)
    assert (stored.type, stored.pending_webhooks) == ("customer.created", 0)
    assert (await client.v1.customers.retrieve_async(event.data.object["id"])).id == event.data.object["id"]


async def test_a_decline_tells_of_the_failed_payment_only(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, endpoint: Endpoint, control: Control
) -> None:
    session = await a_session(client)
    await type_card(browser, session.url, DECLINED)
    await settled(control)
    failed = {"charge.failed", "payment_intent.created", "payment_intent.payment_failed"}
    assert endpoint.types() == failed | {"customer.created", "product.created", "price.created"}


async def test_a_delivery_that_fails_is_tried_again_until_it_is_taken(
    client: stripe.StripeClient, endpoint: Endpoint, control: Control
) -> None:
    endpoint.answers = [503, 302, 500]
    await a_customer(client)
    await settled(control)
    tries = (await control.get("/journal"))["deliveries"]
    assert [(row["attempt"], row["status"]) for row in tries] == [(1, 503), (2, 302), (3, 500), (4, 200)]
    assert len({event.id for event in endpoint.events()}) == 1


async def test_after_five_tries_the_event_is_only_listed(
    client: stripe.StripeClient, endpoint: Endpoint, control: Control
) -> None:
    endpoint.answers = [500] * 5
    await a_customer(client)
    await settled(control)
    assert len(endpoint.received) == 5
    missed = await client.v1.events.list_async({"delivery_success": False})
    assert [event.type for event in missed.data] == ["customer.created"]


async def test_dropped_events_can_be_found_by_listing(
    client: stripe.StripeClient, endpoint: Endpoint, control: Control
) -> None:
    await control.post("/webhooks", mode="drop")
    await a_customer(client)
    assert endpoint.received == []
    assert len((await client.v1.events.list_async({"delivery_success": False})).data) == 1
    assert (await client.v1.events.list_async({"delivery_success": True})).data == []


@pytest.mark.parametrize(("order", "step"), [("fifo", 1), ("lifo", -1)])
async def test_held_events_come_in_the_order_that_was_asked_for(
    client: stripe.StripeClient, endpoint: Endpoint, control: Control, order: str, step: int
) -> None:
    await control.post("/webhooks", mode="hold")
    emails = [f"{number}@example.com" for number in range(4)]
    for email in emails:
        await a_customer(client, email)
    assert endpoint.received == []
    assert len((await control.post("/webhooks/release", order=order))["released"]) == 4
    await settled(control)
    assert [event.data.object["email"] for event in endpoint.events()] == emails[::step]


async def test_events_can_be_sent_again_by_name(
    client: stripe.StripeClient, endpoint: Endpoint, control: Control
) -> None:
    await a_customer(client)
    await settled(control)
    name = endpoint.events()[0].id
    await control.post("/webhooks/release", order=[name, name])
    await settled(control)
    assert [event.id for event in endpoint.events()] == [name] * 3


async def test_duplicates_carry_the_same_event(
    client: stripe.StripeClient, endpoint: Endpoint, control: Control
) -> None:
    await control.post("/webhooks", mode="duplicate")
    await a_customer(client)
    await settled(control)
    first, second = endpoint.events()
    assert first.id == second.id


async def test_shuffled_events_all_arrive(client: stripe.StripeClient, endpoint: Endpoint, control: Control) -> None:
    await control.post("/webhooks", mode="shuffle")
    for number in range(5):
        await a_customer(client, f"{number}@example.com")
    await settled(control)
    assert len({event.id for event in endpoint.events()}) == 5


@pytest.mark.parametrize("mode", ["forge", "stale"])
async def test_the_sdk_refuses_forged_and_stale_deliveries(
    client: stripe.StripeClient, endpoint: Endpoint, control: Control, mode: str
) -> None:
    await control.post("/webhooks", mode=mode)
    await a_customer(client)
    await settled(control)
    body, signature = endpoint.received[0]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, WEBHOOK_SECRET)


async def test_a_refused_forgery_is_followed_by_the_true_event_once_the_mode_is_normal(
    client: stripe.StripeClient, endpoint: Endpoint, control: Control
) -> None:
    endpoint.answers = [400, 400]
    await control.post("/webhooks", mode="forge")
    await a_customer(client)
    await until(lambda: endpoint.received, within=5, what="the forgery")
    await control.post("/webhooks", mode="normal")
    await settled(control)
    body, signature = endpoint.received[-1]
    assert stripe.Webhook.construct_event(body, signature, WEBHOOK_SECRET).type == "customer.created"


async def test_signatures_follow_the_machines_time_whatever_the_clock_says(
    client: stripe.StripeClient, endpoint: Endpoint, control: Control
) -> None:
    await control.post("/clock/advance", seconds=40 * 24 * 3600)
    await a_customer(client)
    await settled(control)
    assert endpoint.types() == {"customer.created"}
    signed_at = int(endpoint.received[0][1].partition("t=")[2].partition(",")[0])
    assert abs(signed_at - time.time()) < 60  # the SDK accepts any time to come, so it would not notice


async def test_events_older_than_thirty_days_are_not_listed(client: stripe.StripeClient, control: Control) -> None:
    await a_customer(client)
    await control.post("/clock/advance", seconds=31 * 24 * 3600)
    assert (await client.v1.events.list_async()).data == []


async def test_events_are_listed_by_one_type_by_several_or_by_a_pattern(client: stripe.StripeClient) -> None:
    await a_session(client)
    assert len((await client.v1.events.list_async({"type": "price.*"})).data) == 1
    assert len((await client.v1.events.list_async({"types": ["price.created", "product.created"]})).data) == 2
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.events.list_async({"type": "a", "types": ["b"]})


async def test_events_are_read_in_pages_both_ways_and_by_time(client: stripe.StripeClient, control: Control) -> None:
    for number in range(3):
        await a_customer(client, f"{number}@example.com")
    names = [event.id for event in (await client.v1.events.list_async()).data]
    older = await client.v1.events.list_async({"starting_after": names[0], "limit": 1})
    assert ([event.id for event in older.data], older.has_more) == ([names[1]], True)
    newer = await client.v1.events.list_async({"ending_before": names[2]})
    assert [event.id for event in newer.data] == names[:2]
    await control.post("/clock/advance", seconds=3600)
    late = await a_customer(client, "late@example.com")
    since = await client.v1.events.list_async({"created": {"gte": late.created}})
    assert [event.data.object["id"] for event in since.data] == [late.id]
    assert len((await client.v1.events.list_async({"created": {"lt": late.created}})).data) == 3
