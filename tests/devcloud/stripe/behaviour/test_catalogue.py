import pytest
import stripe

from devcloud.stripe.behaviour.account import Account


async def test_an_amount_is_a_whole_number_of_minor_units(account: Account) -> None:
    price = await account.price(1999)
    read = await account.client.v1.prices.retrieve_async(price.id)
    assert (read.unit_amount, type(read.unit_amount), read.currency) == (1999, int, "usd")
    assert read.recurring is not None
    assert (read.recurring.interval, read.recurring.interval_count, read.type) == ("month", 1, "recurring")


async def test_a_lookup_key_finds_one_price_and_moves_to_the_next(account: Account) -> None:
    key = f"personal-{account.mark}"
    old = await account.price(lookup_key=key)
    with pytest.raises(stripe.InvalidRequestError):
        await account.price(lookup_key=key)
    new = await account.price(3000, lookup_key=key, transfer_lookup_key=True)
    found = await account.client.v1.prices.list_async({"lookup_keys": [key]})
    assert [row.id for row in found.data] == [new.id]
    assert (await account.client.v1.prices.retrieve_async(old.id)).lookup_key is None


async def test_a_price_is_expanded_with_its_product_when_asked(account: Account) -> None:
    price = await account.price()
    assert isinstance(price.product, str)
    expanded = await account.client.v1.prices.retrieve_async(price.id, {"expand": ["product"]})
    assert isinstance(expanded.product, stripe.Product)
    assert expanded.product.name == f"Behaviour {account.mark}"


async def test_what_cannot_be_expanded_is_refused(account: Account) -> None:
    price = await account.price()
    with pytest.raises(stripe.InvalidRequestError):
        await account.client.v1.prices.retrieve_async(price.id, {"expand": ["unit_amount"]})


async def test_the_amount_of_a_price_is_for_ever(account: Account) -> None:
    price = await account.price()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await account.client.v1.prices.update_async(price.id, {"unit_amount": 1})  # type: ignore[arg-type]  # the point
    assert refused.value.code == "parameter_unknown"
