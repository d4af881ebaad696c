"""With a key of a test account every test runs twice; without one nothing is said to be skipped."""

import pytest

from devcloud.stripe.behaviour.account import REAL_KEY, accounts, the_real


@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1", "pk_test_1", ""])
async def test_only_a_test_key_is_used(key: str) -> None:
    with pytest.raises(ValueError, match="must be a test key"):
        async with the_real(key):
            pass


def test_the_real_account_is_one_more_when_there_is_a_key() -> None:
    assert accounts({}) == ["double"]
    assert accounts({REAL_KEY: ""}) == ["double"]
    assert accounts({REAL_KEY: "sk_test_1"}) == ["double", "stripe"]
