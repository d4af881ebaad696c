import pytest
import stripe

from devcloud.stripe.behaviour.account import Account


async def test_a_list_is_read_in_pages_that_neither_overlap_nor_miss(account: Account) -> None:
    made = [(await account.customer()).id for _ in range(5)][::-1]
    customers = account.client.v1.customers
    first = await customers.list_async({"email": account.email, "limit": 2})
    assert ([row.id for row in first.data], first.has_more) == (made[:2], True)
    second = await customers.list_async({"email": account.email, "limit": 2, "starting_after": made[1]})
    assert ([row.id for row in second.data], second.has_more) == (made[2:4], True)
    last = await customers.list_async({"email": account.email, "limit": 2, "starting_after": made[3]})
    assert ([row.id for row in last.data], last.has_more) == (made[4:], False)
    back = await customers.list_async({"email": account.email, "limit": 2, "ending_before": made[3]})
    assert [row.id for row in back.data] == made[1:3]


async def test_the_sdk_walks_through_all_pages(account: Account) -> None:
    made = [(await account.customer()).id for _ in range(5)][::-1]
    pages = await account.client.v1.customers.list_async({"email": account.email, "limit": 2})
    assert [row.id async for row in pages.auto_paging_iter()] == made


@pytest.mark.parametrize("limit", [0, 101])
async def test_a_page_holds_between_one_and_a_hundred(account: Account, limit: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await account.client.v1.customers.list_async({"limit": limit})
    assert refused.value.param == "limit"


async def test_a_list_without_a_limit_holds_ten(account: Account) -> None:
    for _ in range(11):
        await account.customer()
    found = await account.client.v1.customers.list_async({"email": account.email})
    assert (len(found.data), found.has_more) == (10, True)
