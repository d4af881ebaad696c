"""A person signs up, pays, and gets a furl that an unmodified Tahoe-LAFS client uses."""

import asyncio

import pytest

from s4_shop.demo.tahoe import TahoeClient
from s4_shop.shop import Shop
from support.buyer import Buyer
from support.ledger import EXACTLY_ONE, Ledger

STEPS = ["identity", "bucket", "credentials", "host", "boot", "node", "dns", "proof"]


async def test_who_pays_gets_a_grid_and_stores_a_file_in_it(shop: Shop, ledger: Ledger) -> None:
    async with Buyer.visiting(shop, "reader") as buyer:
        await buyer.buy()
        progress = await buyer.wait_until_ready()
        assert [step for step in progress.steps if step in STEPS] == STEPS
        assert {progress.steps[step] for step in STEPS} == {"done"}
        furl = await buyer.claim()
        async with TahoeClient.running(shop.wiring.options.node / "bin" / "tahoe", furl) as client:
            fetched = await client.round_trip()
        assert fetched.size == 1_000_000
        assert await ledger.holdings(buyer.email) == EXACTLY_ONE


@pytest.mark.long
async def test_three_signups_at_once_get_three_grids_and_nothing_twice(shop: Shop, ledger: Ledger) -> None:
    await _signups_at_once(shop, ledger, 3)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_twenty_signups_at_once_get_twenty_grids_and_nothing_twice(shop: Shop, ledger: Ledger) -> None:
    await _signups_at_once(shop, ledger, 20)


async def _signups_at_once(shop: Shop, ledger: Ledger, number: int) -> None:
    async def one(index: int) -> tuple[str, str]:
        async with Buyer.visiting(shop, f"crowd-{index}") as buyer:
            await buyer.buy()
            await buyer.wait_until_ready(within=600)
            return buyer.email, await buyer.claim()

    found = await asyncio.gather(*(one(index) for index in range(number)))
    assert len({furl for _, furl in found}) == number
    for email, _ in found:
        assert await ledger.holdings(email) == EXACTLY_ONE
