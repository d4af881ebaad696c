"""A suite that only honest stand-ins pass is worth something when it turns red for the others."""

import pytest
import stripe

from devcloud.stripe.behaviour.account import Account
from devcloud.stripe.lying import in_answers, in_billing, in_deliveries, in_money, in_the_world
from devcloud.stripe.lying.lie import Lie, Test
from devcloud.stripe.stand import Stand, standing

LIES = [*in_answers.LIES, *in_the_world.LIES, *in_billing.LIES, *in_money.LIES, *in_deliveries.LIES]
TESTS = sorted({lie.found_by for lie in LIES}, key=lambda test: test.__name__)
_RED = (AssertionError, KeyError, ValueError, stripe.StripeError, pytest.fail.Exception)


async def _run(stand: Stand, test: Test) -> None:
    await stand.run(test, account=Account(stand.client, stand.http_client))


@pytest.mark.parametrize("lie", LIES, ids=[lie.claim for lie in LIES])
async def test_a_lie_is_found(lie: Lie, caplog: pytest.LogCaptureFixture) -> None:
    async with standing(lie.spoil, lie.api) as stand:
        with pytest.raises(_RED):
            await _run(stand, lie.found_by)
    crashes = [record for record in caplog.records if record.name == "aiohttp.server"]
    assert crashes == [], "a lie is told with a straight face; this one stumbled"


@pytest.mark.parametrize("test", TESTS, ids=[test.__name__ for test in TESTS])
async def test_an_honest_one_passes_what_finds_lies(test: Test) -> None:
    async with standing() as stand:
        await _run(stand, test)


def test_there_are_enough_lies_and_each_is_another() -> None:
    assert len({lie.claim for lie in LIES}) == len(LIES) >= 15
