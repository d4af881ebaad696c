"""The account of a test: always the stand-in's, and a real one too when a key for it is there."""

import os
from collections.abc import AsyncIterator

import pytest

from devcloud.stripe.behaviour.account import REAL_KEY, Account, accounts, the_double, the_real


@pytest.fixture(params=accounts(os.environ))
async def account(request: pytest.FixtureRequest) -> AsyncIterator[Account]:
    chosen = the_double() if request.param == "double" else the_real(os.environ[REAL_KEY])
    async with chosen as account:
        yield account
