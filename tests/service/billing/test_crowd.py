"""Many customers at once; larger forms of the same are measured by bench/billing."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from s4_contracts.billing import SignupPaid, SubscriptionRenewed
from support.histories import promises
from support.histories.crowd import Member, followed, known, subscribed
from support.histories.letters import post, signed, thrice
from support.histories.stack import Stack

CUSTOMERS, DELIVERIES = 60, 600


@pytest.fixture
async def stack(database: str, tmp_path: Path) -> AsyncIterator[Stack]:
    async with Stack.up(database, tmp_path) as stack:
        await stack.begin()
        yield stack


@pytest.fixture
async def crowd(stack: Stack) -> list[Member]:
    price = stack.service.catalogue.price_of("personal")
    members = subscribed(stack.stripe, price, CUSTOMERS)
    await known(stack.service.pool, stack.clock, members)
    return members


async def test_shuffled_and_tripled_letters_lead_to_what_stripe_says_and_are_told_once(
    stack: Stack, crowd: list[Member]
) -> None:
    stack.stripe.world.clock.advance(33 * 24 * 3600)
    stack.stripe.world.catch_up()
    with stack.stripe.world.transaction() as tx:
        letters = [signed(event) for event in thrice(tx.newest_first("event"), DELIVERIES, Random(1))]
    assert set(await post(stack.stripe.world.settings.webhook_url or "", letters, 8)) == {200}
    while await stack.service.converger.round():
        pass
    for each in crowd:
        assert await stack.service.sync.differences(each.account) == []
    told = Counter(type(event) for event in await stack.events())
    assert told == {SignupPaid: CUSTOMERS, SubscriptionRenewed: CUSTOMERS}
    promises.no_secret("events", await stack.events())


async def test_the_nightly_look_asks_little_when_nothing_differs_and_finds_what_does(
    stack: Stack, crowd: list[Member]
) -> None:
    await followed(stack.service.pool, stack.clock, stack.service.catalogue, crowd)
    quiet = await stack.service.everything.look(apply=False)
    assert (quiet.compared, quiet.drift, quiet.requests) == (CUSTOMERS, [], 1)
    for each in crowd[:3]:
        stack.stripe.call("POST", f"/v1/subscriptions/{each.facts['id']}", cancel_at_period_end="true")
    found = await stack.service.everything.look(apply=False)
    assert {(each.kind, each.account_id) for each in found.drift} == {("differs", each.account) for each in crowd[:3]}
    assert all("cancel_at" in each.theirs for each in found.drift)
    applied = await stack.service.everything.look(apply=True)
    assert len(applied.drift) == 3
    assert (await stack.service.everything.look(apply=False)).drift == []
