import pytest
import stripe

from devcloud.stripe.shop import a_customer, a_price


async def test_a_price_is_found_by_its_lookup_key(client: stripe.StripeClient) -> None:
    personal = await a_price(client, "personal", 2500)
    await a_price(client, "team", 9000)
    found = await client.v1.prices.list_async({"lookup_keys": ["personal"], "active": True, "expand": ["data.product"]})
    assert [price.id for price in found.data] == [personal.id]
    assert (found.data[0].unit_amount, found.data[0].currency) == (2500, "usd")
    assert isinstance(found.data[0].product, stripe.Product)
    assert found.data[0].product.name == "Personal grid"
    monthly = await client.v1.prices.list_async({"recurring": {"interval": "month"}, "type": "recurring"})
    assert len(monthly.data) == 2


async def test_a_lookup_key_belongs_to_one_price_until_it_is_taken_over(client: stripe.StripeClient) -> None:
    old, new = await a_price(client, "personal"), await a_price(client, "new")
    with pytest.raises(stripe.InvalidRequestError) as taken:
        await client.v1.prices.update_async(new.id, {"lookup_key": "personal"})
    assert taken.value.param == "lookup_key"
    await client.v1.prices.update_async(new.id, {"lookup_key": "personal", "transfer_lookup_key": True})
    assert (await client.v1.prices.retrieve_async(old.id)).lookup_key is None
    assert [price.id for price in (await client.v1.prices.list_async({"lookup_keys": ["personal"]})).data] == [new.id]


async def test_a_price_can_make_its_product_and_be_retired(client: stripe.StripeClient) -> None:
    price = await client.v1.prices.create_async(
        {"currency": "USD", "unit_amount": 0, "product_data": {"name": "Trial"}, "nickname": "free"}
    )
    assert (price.type, price.recurring, price.currency) == ("one_time", None, "usd")
    retired = await client.v1.prices.update_async(price.id, {"active": False, "metadata": {"why": "old"}})
    assert not retired.active
    assert (await client.v1.prices.list_async({"active": True})).data == []


@pytest.mark.parametrize(
    "params",
    [
        {"currency": "usd", "product_data": {"name": "x"}},
        {"currency": "usd", "unit_amount": -1, "product_data": {"name": "x"}},
        {"currency": "dollars", "unit_amount": 1, "product_data": {"name": "x"}},
        {"currency": "usd", "unit_amount": 1},
        {"currency": "usd", "unit_amount": 10**8, "product_data": {"name": "x"}},
        {
            "currency": "usd",
            "unit_amount": 1,
            "product_data": {"name": "x"},
            "recurring": {"interval": "year", "interval_count": 4},
        },
        {"currency": "usd", "unit_amount": 1, "product": "prod_none"},
        {"currency": "usd", "unit_amount": 1, "product_data": {"name": "x"}, "lookup_key": "k" * 201},
    ],
)
async def test_a_price_that_cannot_be_is_refused(client: stripe.StripeClient, params: dict[str, object]) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.prices.create_async(params)  # type: ignore[arg-type]  # on purpose
    assert (await client.v1.products.list_async()).data == []


async def test_a_product_has_the_callers_identifier_once(client: stripe.StripeClient) -> None:
    product = await client.v1.products.create_async({"id": "personal", "name": "Personal", "description": "One grid"})
    with pytest.raises(stripe.InvalidRequestError) as twice:
        await client.v1.products.create_async({"id": "personal", "name": "Again"})
    assert twice.value.code == "resource_already_exists"
    price = await a_price(client)
    changed = await client.v1.products.update_async(
        product.id, {"description": "", "default_price": price.id, "metadata": {"tier": "1"}}
    )
    assert (changed.description, changed.default_price) == (None, price.id)
    assert [row.id for row in (await client.v1.products.list_async({"ids": ["personal"]})).data] == ["personal"]


async def test_a_customer_is_changed_found_and_told_of(client: stripe.StripeClient) -> None:
    customer = await a_customer(client, "a@example.com")
    await a_customer(client, "b@example.com")
    changed = await client.v1.customers.update_async(
        customer.id, {"name": "A", "address": {"country": "DE"}, "metadata": {"account_id": "", "other": "1"}}
    )
    assert changed.metadata is not None
    assert (changed.metadata.to_dict(), changed.name) == ({"other": "1"}, "A")
    assert [row.id for row in (await client.v1.customers.list_async({"email": "a@example.com"})).data] == [customer.id]
    told = await client.v1.events.list_async({"type": "customer.updated"})
    assert told.data[0].data.previous_attributes is not None
    assert "email" not in told.data[0].data.previous_attributes
    emptied = await client.v1.customers.update_async(customer.id, {"metadata": ""})
    assert emptied.metadata is not None
    assert emptied.metadata.to_dict() == {}


async def test_an_update_that_changes_nothing_tells_nothing(client: stripe.StripeClient) -> None:
    customer = await a_customer(client, "a@example.com")
    await client.v1.customers.update_async(customer.id, {"email": "a@example.com"})
    assert (await client.v1.events.list_async({"type": "customer.updated"})).data == []


@pytest.mark.parametrize("metadata", [{str(number): "x" for number in range(51)}, {"k" * 41: "x"}, {"k": "x" * 501}])
async def test_metadata_has_stripes_limits(client: stripe.StripeClient, metadata: dict[str, str]) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.customers.create_async({"metadata": metadata})


async def test_an_address_that_is_none_is_refused(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.customers.create_async({"email": "nobody"})
    assert refused.value.code == "email_invalid"


async def test_a_product_without_pictures_has_none(client: stripe.StripeClient) -> None:
    product = await client.v1.products.create_async({"name": "Grid", "images": ["https://a.example/grid.png"]})
    assert product.images == ["https://a.example/grid.png"]
    assert (await client.v1.products.update_async(product.id, {"images": ""})).images == []
