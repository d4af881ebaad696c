"""Whatever is done in whatever order: no crash, no answer that the document forbids, no rule broken."""

import pytest

from devcloud.stripe.lying.in_billing import RefundsAnything, WholeDollars
from devcloud.stripe.lying.lie import Spoil, manners, time_forgets
from devcloud.stripe.stand import standing
from devcloud.stripe.walks.invariants import broken
from devcloud.stripe.walks.walker import Walker
from s4_devcloud.stripe.api import Api

_MOVES = 40


async def walk(seed: int, spoil: Spoil | None = None, api: type[Api] = Api) -> list[str]:
    """The rules that the walk broke, with the moves that led there."""
    async with standing(spoil, api) as stand:
        walker = Walker(stand, seed)
        await walker.begin()
        for _ in range(_MOVES):
            await walker.move()
            found = broken(stand.world)
            if found:
                return [*found, f"after {walker.taken}"]
        for kind in ("subscriptions", "invoices", "charges", "refunds", "disputes", "credit_notes", "events"):
            params = {"limit": 100} | ({"status": "all"} if kind == "subscriptions" else {})
            await getattr(stand.client.v1, kind).list_async(params)
        refused = (await stand.control.get("/state"))["unimplemented"]
        return [*stand.problems(), *(f"not implemented: {what}" for what in refused)]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
async def test_a_walk_breaks_no_rule(seed: int) -> None:
    assert await walk(seed) == []


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 200))
async def test_many_walks_break_no_rule(seed: int) -> None:
    assert await walk(seed) == []


async def found_within(walks: int, spoil: Spoil | None = None, api: type[Api] = Api) -> bool:
    """Whether one of so many walks breaks a rule."""
    for seed in range(walks):
        if await walk(seed, spoil, api):
            return True
    return False


async def test_walks_find_a_stand_in_that_collects_nothing() -> None:
    assert await found_within(6, time_forgets("invoice"))


async def test_walks_find_amounts_that_do_not_add_up() -> None:
    assert await found_within(6, manners("store", WholeDollars))


@pytest.mark.long
async def test_walks_find_refunds_of_more_than_was_paid() -> None:
    assert await found_within(20, api=RefundsAnything)
