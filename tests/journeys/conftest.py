"""One shop for all journeys: started once, taken down at the end."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from s4_shop.folder import StateFolder
from s4_shop.options import default_options
from s4_shop.shop import Shop, down
from support.ledger import Ledger

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def shop() -> Iterator[Shop]:
    options = msgspec.structs.replace(default_options(ROOT, {}), durable=False)
    with tempfile.TemporaryDirectory(prefix="s4-journeys-") as folder:
        state = StateFolder(Path(folder))
        try:
            yield asyncio.run(Shop.up(state, options))
        finally:
            down(state)


@pytest.fixture
def ledger(shop: Shop) -> Ledger:
    return Ledger(shop)
