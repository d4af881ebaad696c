from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from s4_runtime.testing import ManualClock
from s4_store import Pool
from support.databases import KeptDatabases
from support.mail_sink import mail_sink
from support.news import START
from support.notifier_service import Notifier


@pytest.fixture
async def database(kept_databases: KeptDatabases) -> str:
    """A database with the service's tables and nothing in them."""
    return await kept_databases.of("s4_notifier")


@pytest.fixture
async def notifier(database: str, tmp_path: Path) -> AsyncIterator[Notifier]:
    async with Pool.open(database) as pool, mail_sink(tmp_path) as sink:
        yield Notifier(pool, sink, ManualClock(START))
