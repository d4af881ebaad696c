"""One shop for all journeys: started once, taken down at the end."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from s4_shop.folder import StateFolder
from s4_shop.options import default_options
from s4_shop.shop import Shop, down
from support.infra import TestRun
from support.ledger import Ledger

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def shop(test_run: TestRun) -> Iterator[Shop]:
    state = StateFolder(test_run.folder / "shop")
    options = msgspec.structs.replace(default_options(ROOT, os.environ), durable=False)
    try:
        yield asyncio.run(Shop.up(state, options))
    finally:
        down(state)


@pytest.fixture
def ledger(shop: Shop) -> Ledger:
    return Ledger(shop)
