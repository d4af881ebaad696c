from collections.abc import AsyncIterator, Iterator

import pytest

from s4_runtime.testing import ManualClock
from s4_store import Pool
from support.databases import KeptDatabases
from support.mail_sink import MailSink, mail_sink
from support.news import START
from support.notifier_service import Notifier


@pytest.fixture
async def database(kept_databases: KeptDatabases) -> str:
    """A database with the service's tables and nothing in them."""
    return await kept_databases.of("s4_notifier")


@pytest.fixture(scope="session")
def running_sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailSink]:
    with mail_sink(tmp_path_factory.mktemp("sink")) as sink:
        yield sink


@pytest.fixture
async def notifier(database: str, running_sink: MailSink) -> AsyncIterator[Notifier]:
    """The service, and a mail server that nobody has written to yet."""
    await running_sink.reset()
    async with Pool.open(database) as pool:
        yield Notifier(pool, running_sink, ManualClock(START))
