from collections.abc import AsyncIterator, Iterator

import pytest

from support.databases import KeptDatabases
from support.invite_agent import Invites, an_invite_service
from support.mailbox_server import MailboxServer


@pytest.fixture
async def database(kept_databases: KeptDatabases) -> str:
    """A database with the service's tables and nothing in them."""
    return await kept_databases.of("s4_invites")


@pytest.fixture(scope="session")
def mailbox_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailboxServer]:
    server = MailboxServer(tmp_path_factory.mktemp("mailbox"))
    yield server
    server.stop()


@pytest.fixture
async def mailbox(mailbox_server: MailboxServer) -> MailboxServer:
    """A mailbox server that runs; it may know of other tests' invites, whose numbers are others."""
    await mailbox_server.start()
    return mailbox_server


@pytest.fixture
async def invites(database: str, mailbox: MailboxServer) -> AsyncIterator[Invites]:
    async with an_invite_service(database, mailbox) as service:
        yield service
