import time

import pytest
import stripe

from devcloud.stripe.behaviour.account import Account


async def test_a_customer_is_read_back_as_it_was_made(account: Account) -> None:
    made = await account.customer(name="Tess Buyer", address={"country": "DE", "postal_code": "10115"})
    read = await account.client.v1.customers.retrieve_async(made.id)
    assert made.id.startswith("cus_")
    assert (read.email, read.name, read.livemode) == (account.email, "Tess Buyer", False)
    assert read.address is not None
    assert (read.address.country, read.address.city) == ("DE", None)
    assert isinstance(read.created, int)
    assert abs(read.created - time.time()) < 300


async def test_metadata_is_merged_and_an_empty_value_removes_its_key(account: Account) -> None:
    customer = await account.customer(metadata={"run": account.mark, "old": "1"})
    changed = await account.client.v1.customers.update_async(customer.id, {"metadata": {"new": "2", "old": ""}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"run": account.mark, "new": "2"}
    emptied = await account.client.v1.customers.update_async(customer.id, {"metadata": ""})
    assert emptied.metadata is not None
    assert emptied.metadata.to_dict() == {}


async def test_an_empty_value_unsets_a_field(account: Account) -> None:
    customer = await account.customer(address={"country": "DE"})
    assert (await account.client.v1.customers.update_async(customer.id, {"address": ""})).address is None


async def test_customers_are_found_by_their_exact_address_the_newest_first(account: Account) -> None:
    made = [(await account.customer()).id for _ in range(3)]
    found = await account.client.v1.customers.list_async({"email": account.email})
    assert [row.id for row in found.data] == made[::-1]
    assert not found.has_more
    nobody = await account.client.v1.customers.list_async({"email": "nobody-" + account.email})
    assert nobody.data == []


async def test_a_customer_that_never_was_is_a_missing_resource(account: Account) -> None:
    with pytest.raises(stripe.InvalidRequestError) as missing:
        await account.client.v1.customers.retrieve_async("cus_behaviournone")
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    assert missing.value.param == "id"


async def test_an_address_that_is_none_is_refused_and_leaves_no_customer(account: Account) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await account.client.v1.customers.create_async({"email": "not an address"})
    assert (refused.value.http_status, refused.value.code) == (400, "email_invalid")


async def test_an_unknown_parameter_is_refused_by_name(account: Account) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await account.client.v1.customers.create_async({"emial": account.email})  # type: ignore[arg-type]  # the point
    assert (refused.value.code, refused.value.param) == ("parameter_unknown", "emial")
