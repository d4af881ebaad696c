import asyncio

import pytest
import stripe

from devcloud.stripe.ends import Control
from devcloud.stripe.sdk import CheckedClient
from devcloud.stripe.shop import a_customer
from support.waiting import until


async def test_the_same_key_makes_one_customer_and_says_that_it_repeats(
    client: stripe.StripeClient, http_client: CheckedClient
) -> None:
    keyed: stripe.RequestOptions = {"idempotency_key": "cust:a-1"}
    first = await client.v1.customers.create_async({"email": "a@example.com"}, keyed)
    second = await client.v1.customers.create_async({"email": "a@example.com"}, keyed)
    assert first.id == second.id
    assert len((await client.v1.customers.list_async()).data) == 1
    assert "Idempotent-Replayed" not in http_client.headers[0]
    assert http_client.headers[1]["Idempotent-Replayed"] == "true"
    assert http_client.headers[1]["Original-Request"] == http_client.headers[0]["Request-Id"]


async def test_the_same_key_with_other_parameters_is_refused(client: stripe.StripeClient) -> None:
    keyed: stripe.RequestOptions = {"idempotency_key": "cust:a-1"}
    await client.v1.customers.create_async({"email": "a@example.com"}, keyed)
    with pytest.raises(stripe.IdempotencyError):
        await client.v1.customers.create_async({"email": "b@example.com"}, keyed)
    with pytest.raises(stripe.IdempotencyError):
        await client.v1.products.create_async({"name": "x"}, keyed)


async def test_a_request_that_was_refused_for_its_parameters_leaves_its_key_free(client: stripe.StripeClient) -> None:
    keyed: stripe.RequestOptions = {"idempotency_key": "once"}
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.customers.create_async({"email": "no address"}, keyed)
    assert (await client.v1.customers.create_async({"email": "a@example.com"}, keyed)).email == "a@example.com"


async def test_an_internal_error_is_replayed_too(client: stripe.StripeClient, control: Control) -> None:
    await control.post("/faults", match="POST /v1/customers", kind="500")
    keyed: stripe.RequestOptions = {"idempotency_key": "unlucky"}
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failed:
            await client.v1.customers.create_async({"email": "a@example.com"}, keyed)
        assert failed.value.http_status == 500
    assert (await client.v1.customers.list_async()).data == []


async def seen(control: Control) -> bool:
    return bool((await control.get("/journal"))["requests"])


async def test_a_key_in_use_is_409(client: stripe.StripeClient, control: Control) -> None:
    await control.post("/faults", match="POST /v1/customers", kind="slow", seconds=0.5)
    keyed: stripe.RequestOptions = {"idempotency_key": "slow"}
    slow = asyncio.ensure_future(client.v1.customers.create_async({"email": "a@example.com"}, keyed))
    await until(lambda: seen(control), within=5, what="the slow request's arrival")
    with pytest.raises(stripe.APIError) as refused:
        await client.v1.customers.create_async({"email": "a@example.com"}, keyed)
    assert refused.value.error is not None
    assert (refused.value.http_status, refused.value.error.code) == (409, "idempotency_key_in_use")
    first = await slow
    assert (await client.v1.customers.create_async({"email": "a@example.com"}, keyed)).id == first.id


async def test_a_key_is_forgotten_after_a_day(client: stripe.StripeClient, control: Control) -> None:
    keyed: stripe.RequestOptions = {"idempotency_key": "cust:a-1"}
    first = await client.v1.customers.create_async({"email": "a@example.com"}, keyed)
    await control.post("/clock/advance", seconds=24 * 3600 - 5)
    assert (await client.v1.customers.create_async({"email": "a@example.com"}, keyed)).id == first.id
    await control.post("/clock/advance", seconds=10)
    assert (await client.v1.customers.create_async({"email": "a@example.com"}, keyed)).id != first.id


async def test_a_key_that_is_too_long_is_refused(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.IdempotencyError):
        await client.v1.customers.create_async({}, {"idempotency_key": "k" * 256})


async def test_keys_mean_nothing_to_reads(client: stripe.StripeClient) -> None:
    customer = await a_customer(client)
    keyed: stripe.RequestOptions = {"idempotency_key": "read"}
    assert len((await client.v1.customers.list_async({}, keyed)).data) == 1
    assert (await client.v1.customers.retrieve_async(customer.id, {}, keyed)).id == customer.id
