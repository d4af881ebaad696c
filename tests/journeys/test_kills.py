"""kill -9 of any part at any moment of a signup: the furl arrives, once, and nothing is left over."""

import asyncio
import random

import pytest

from s4_shop.shop import Shop
from support.buyer import Buyer
from support.ledger import EXACTLY_ONE, Ledger

STAGES = ["identity", "bucket", "credentials", "host", "boot", "node", "dns", "proof"]
OTHERS = ["web", "billing", "notifier", "rabbitmq", "postgres"]
STORM = 12  # further kills at random moments of random parts


@pytest.mark.long
@pytest.mark.parametrize("stage", STAGES)
async def test_the_provisioner_killed_in_any_step_ends_with_one_grid(shop: Shop, ledger: Ledger, stage: str) -> None:
    async with Buyer.visiting(shop, f"kill-{stage}") as buyer:
        before = await ledger.grids()
        await buyer.buy()
        await ledger.stage_reached(before, stage)
        await shop.kill("provisioner")
        await shop.until_ready("provisioner")
        await _arrives_once(buyer, ledger)


@pytest.mark.long
@pytest.mark.parametrize("part", OTHERS)
async def test_any_other_part_killed_during_a_signup_ends_with_one_grid(shop: Shop, ledger: Ledger, part: str) -> None:
    async with Buyer.visiting(shop, f"kill-{part}") as buyer:
        await buyer.buy()
        await asyncio.sleep(random.uniform(0, 4))
        await shop.kill(part)
        await shop.until_ready()
        await _arrives_once(buyer, ledger)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(STORM))
async def test_a_kill_at_a_random_moment_ends_with_one_grid(shop: Shop, ledger: Ledger, seed: int) -> None:
    dice = random.Random(seed)
    async with Buyer.visiting(shop, f"storm-{seed}") as buyer:
        await buyer.buy()
        for _ in range(2):
            await asyncio.sleep(dice.uniform(0, 5))
            await shop.kill(dice.choice(["provisioner", *OTHERS]))
            await shop.until_ready()
        await _arrives_once(buyer, ledger)


async def test_a_provisioner_and_a_broker_killed_during_a_signup_end_with_one_grid(shop: Shop, ledger: Ledger) -> None:
    """The short form of the storm that ``make test-long`` runs."""
    async with Buyer.visiting(shop, "kill") as buyer:
        before = await ledger.grids()
        await buyer.buy()
        await ledger.stage_reached(before, "boot")
        await asyncio.gather(shop.kill("provisioner"), shop.kill("rabbitmq"))
        await shop.until_ready()
        await _arrives_once(buyer, ledger)


async def _arrives_once(buyer: Buyer, ledger: Ledger) -> None:
    await buyer.wait_until_ready()
    assert (await buyer.claim()).startswith("pb://")
    assert await ledger.holdings(buyer.email) == EXACTLY_ONE
    assert await ledger.leftovers() == []
