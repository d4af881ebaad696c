from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.databases import KeptDatabases
from support.invite_agent import Invites, an_invite_service
from support.mailbox_server import MailboxServer


@pytest.fixture
async def database(kept_databases: KeptDatabases) -> str:
    """A database with the service's tables and nothing in them."""
    return await kept_databases.of("s4_invites")


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[MailboxServer]:
    server = MailboxServer(tmp_path / "mailbox")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def invites(database: str, mailbox: MailboxServer) -> AsyncIterator[Invites]:
    async with an_invite_service(database, mailbox) as service:
        yield service
