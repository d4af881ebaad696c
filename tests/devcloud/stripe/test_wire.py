import base64

import aiohttp
import pytest
import stripe

from devcloud.stripe.ends import PUBLISHABLE_KEY, SECRET_KEY, Control
from devcloud.stripe.published import problems_with
from devcloud.stripe.sdk import CheckedClient
from devcloud.stripe.shop import a_customer, a_session
from s4_devcloud.stripe.wire import API_VERSION
from s4_devcloud.stripe.world import World


def client_with(world: World, key: str, transport: CheckedClient) -> stripe.StripeClient:
    return stripe.StripeClient(key, base_addresses={"api": world.settings.public_url}, http_client=transport)


@pytest.mark.parametrize("key", ["sk_test_somebody_elses", "sk_live_x", PUBLISHABLE_KEY])
async def test_any_other_key_is_refused_and_not_repeated(world: World, http_client: CheckedClient, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError) as refused:
        await client_with(world, key, http_client).v1.customers.list_async()
    assert refused.value.http_status == 401
    assert "somebody" not in str(refused.value)
    await http_client.aclose()


async def test_the_key_may_come_as_a_basic_user_name(world: World, browser: aiohttp.ClientSession) -> None:
    url = f"{world.settings.public_url}/v1/customers"
    basic = {"Authorization": "Basic " + base64.b64encode(f"{SECRET_KEY}:".encode()).decode()}
    async with browser.get(url, headers=basic) as answer:
        assert answer.status == 200
    for headers in ({}, {"Authorization": "Basic ???"}, {"Authorization": "Digest x"}, {"Authorization": "Bearer"}):
        async with browser.get(url, headers=headers) as answer:
            assert answer.status == 401
            assert problems_with(await answer.json()) == []


async def test_only_the_version_that_the_sdk_pins_is_spoken(world: World, browser: aiohttp.ClientSession) -> None:
    headers = {"Authorization": f"Bearer {SECRET_KEY}", "Stripe-Version": "2024-06-20"}
    async with browser.get(f"{world.settings.public_url}/v1/customers", headers=headers) as answer:
        assert answer.status == 400
    async with browser.get(
        f"{world.settings.public_url}/v1/customers", headers={**headers, "Stripe-Version": API_VERSION}
    ) as answer:
        assert answer.status == 200
        assert answer.headers["Stripe-Version"] == stripe.api_version
        assert answer.headers["Request-Id"].startswith("req_")


async def test_a_json_body_is_refused(world: World, browser: aiohttp.ClientSession) -> None:
    headers = {"Authorization": f"Bearer {SECRET_KEY}"}
    async with browser.post(
        f"{world.settings.public_url}/v1/customers", json={"email": "x"}, headers=headers
    ) as answer:
        assert answer.status == 400


async def test_a_body_that_is_no_text_is_refused(world: World, browser: aiohttp.ClientSession) -> None:
    headers = {"Authorization": f"Bearer {SECRET_KEY}", "Content-Type": "application/x-www-form-urlencoded"}
    async with browser.post(f"{world.settings.public_url}/v1/customers", data=b"\xff\xfe", headers=headers) as answer:
        assert (answer.status, problems_with(await answer.json())) == (400, [])


async def test_what_does_not_exist_here_is_a_stripe_error_and_is_counted(
    client: stripe.StripeClient, control: Control
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        await client.v1.coupons.create_async({"percent_off": 10, "duration": "once"})
    assert unknown.value.http_status == 404
    state = await control.get("/state")
    assert state["unimplemented"] == {"POST /v1/coupons": 1}


async def test_a_parameter_without_effect_here_is_refused_and_counted(
    client: stripe.StripeClient, control: Control
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await a_session(client, phone_number_collection={"enabled": True})
    assert refused.value.param == "phone_number_collection"
    with pytest.raises(stripe.InvalidRequestError, match="application_fee_percent"):
        await a_session(
            client, line_items=[{"price": "price_x", "quantity": 1}], subscription_data={"application_fee_percent": 3}
        )
    assert (await control.get("/state"))["unimplemented_total"] == 2


async def test_an_unknown_parameter_is_refused_with_its_name(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.customers.create_async({"emial": "x@example.com"})  # type: ignore[arg-type]  # on purpose
    assert (refused.value.code, refused.value.param, refused.value.http_status) == ("parameter_unknown", "emial", 400)


async def test_a_missing_object_is_404_in_the_path_and_400_in_a_parameter(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as in_path:
        await client.v1.customers.retrieve_async("cus_none")
    with pytest.raises(stripe.InvalidRequestError) as in_parameter:
        await a_session(client, customer="cus_none")
    assert (in_path.value.http_status, in_path.value.code) == (404, "resource_missing")
    assert (in_parameter.value.http_status, in_parameter.value.param) == (400, "customer")


async def test_lists_are_newest_first_and_page_both_ways(client: stripe.StripeClient) -> None:
    names = [(await a_customer(client, f"{number}@example.com")).id for number in range(5)]
    first = await client.v1.customers.list_async({"limit": 2})
    assert ([row.id for row in first.data], first.has_more) == ([names[4], names[3]], True)
    second = await client.v1.customers.list_async({"limit": 3, "starting_after": names[3]})
    assert ([row.id for row in second.data], second.has_more) == ([names[2], names[1], names[0]], False)
    back = await client.v1.customers.list_async({"limit": 1, "ending_before": names[2]})
    assert ([row.id for row in back.data], back.has_more) == ([names[3]], True)
    assert [row.id async for row in (await client.v1.customers.list_async({"limit": 2})).auto_paging_iter()] == names[
        ::-1
    ]


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 101}, {"starting_after": "cus_none"}])
async def test_a_page_that_cannot_be_is_refused(client: stripe.StripeClient, params: dict[str, object]) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.customers.list_async(params)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.customers.list_async({"starting_after": "a", "ending_before": "b"})


async def test_references_expand_down_to_four_levels(client: stripe.StripeClient) -> None:
    session = await a_session(client)
    found = await client.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["customer", "line_items.data.price.product", "subscription.latest_invoice"]}
    )
    assert isinstance(found.customer, stripe.Customer)
    assert found.line_items is not None
    assert found.line_items.data[0].price is not None
    assert isinstance(found.line_items.data[0].price.product, stripe.Product)
    listed = await client.v1.checkout.sessions.list_async({"expand": ["data.customer"]})
    assert isinstance(listed.data[0].customer, stripe.Customer)


@pytest.mark.parametrize(
    "path", ["status", "nothing", "customer.email", "a.b.c.d.e", "line_items.data.price.product.name"]
)
async def test_what_is_no_reference_cannot_be_expanded(client: stripe.StripeClient, path: str) -> None:
    session = await a_session(client)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.checkout.sessions.retrieve_async(session.id, {"expand": [path]})
    assert refused.value.param == "expand"
