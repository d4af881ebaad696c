import uuid

import pytest
import stripe

from devcloud.stripe.behaviour.account import Account
from support.waiting import until


def keyed(name: str) -> stripe.RequestOptions:
    return {"idempotency_key": f"{name}-{uuid.uuid4().hex}"}


async def test_the_same_key_makes_one_customer_and_says_that_it_repeats(account: Account) -> None:
    options = keyed("customer")
    first, second = [
        await account.client.v1.customers.create_async({"email": account.email}, options) for _ in range(2)
    ]
    assert first.id == second.id
    assert "Idempotent-Replayed" not in account.http_client.headers[-2]
    assert account.http_client.headers[-1]["Idempotent-Replayed"] == "true"
    assert account.http_client.headers[-1]["Original-Request"] == account.http_client.headers[-2]["Request-Id"]


async def test_the_same_key_for_something_else_is_refused(account: Account) -> None:
    options = keyed("customer")
    await account.client.v1.customers.create_async({"email": account.email}, options)
    with pytest.raises(stripe.IdempotencyError) as refused:
        await account.client.v1.customers.create_async({"email": account.email, "name": "Other"}, options)
    assert refused.value.http_status == 400


async def test_an_answer_names_its_request_and_the_version_that_was_asked_for(account: Account) -> None:
    await account.customer()
    headers = account.http_client.headers[-1]
    assert headers["Request-Id"].startswith("req_")
    assert headers["Stripe-Version"] == stripe.api_version


async def test_another_key_is_refused(account: Account) -> None:
    with pytest.raises(stripe.AuthenticationError) as refused:
        await account.client.v1.customers.list_async({}, {"api_key": "sk_test_" + "0" * 24})
    assert refused.value.http_status == 401


async def test_what_happened_is_listed_by_type_with_the_request_that_caused_it(account: Account) -> None:
    options = keyed("told")
    customer = await account.client.v1.customers.create_async({"email": account.email}, options)

    async def told() -> stripe.Event | None:
        events = await account.client.v1.events.list_async({"type": "customer.created", "limit": 100})
        return next((event for event in events.data if event.data.object["id"] == customer.id), None)

    event = await until(told, within=30, what="the event of the new customer")
    assert event.id.startswith("evt_")
    assert event.request.idempotency_key == options["idempotency_key"]
    assert event.api_version == stripe.api_version
    assert (await account.client.v1.events.retrieve_async(event.id)).type == "customer.created"


async def test_a_change_is_told_with_what_was_before(account: Account) -> None:
    customer = await account.customer(name="Before")
    await account.client.v1.customers.update_async(customer.id, {"name": "After"})

    async def told() -> stripe.Event | None:
        events = await account.client.v1.events.list_async({"type": "customer.updated", "limit": 100})
        return next((event for event in events.data if event.data.object["id"] == customer.id), None)

    event = await until(told, within=30, what="the event of the change")
    assert event.data.object["name"] == "After"
    assert event.data.previous_attributes["name"] == "Before"
