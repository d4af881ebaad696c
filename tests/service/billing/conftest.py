"""One billing service, in process, with a real database and a Stripe that answers over the wire."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from s4_shop.ports import free_port
from support.billing_service import Billing, settings_for
from support.databases import KeptDatabases
from support.stripe_double import StripeDouble, stripe_double


@pytest.fixture(scope="session")
def webhook_port() -> int:
    """Where every billing service of this run listens, because the double tells one address only."""
    return free_port()


@pytest.fixture(scope="session")
def running_double(webhook_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeDouble]:
    folder = tmp_path_factory.mktemp("stripe")
    told = f"http://127.0.0.1:{webhook_port}/stripe/events"
    with stripe_double(f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}", told, folder) as double:
        yield double


@pytest.fixture
async def double(running_double: StripeDouble) -> StripeDouble:
    """A Stripe where nothing has happened yet."""
    await running_double.reset()
    return running_double


@pytest.fixture
async def database(kept_databases: KeptDatabases) -> str:
    """A database with the service's tables and nothing in them."""
    return await kept_databases.of("s4_billing")


@pytest.fixture
async def billing(database: str, double: StripeDouble, webhook_port: int, state_dir: Path) -> AsyncIterator[Billing]:
    """A service with its plans at Stripe, which handles events as they come."""
    settings = settings_for(database, double, webhook_port, state_dir)
    async with Billing.running(settings, double) as billing:
        await billing.service.catalogue.push()
        yield billing
