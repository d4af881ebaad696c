from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from s4_runtime.testing import ManualClock
from s4_store import Pool, migrate
from support.mail_sink import mail_sink
from support.news import START
from support.notifier_service import Notifier


@pytest.fixture
async def notifier(database: str, tmp_path: Path) -> AsyncIterator[Notifier]:
    await migrate(database, "s4_notifier")
    async with Pool.open(database) as pool, mail_sink(tmp_path) as sink:
        yield Notifier(pool, sink, ManualClock(START))
