from collections.abc import Callable
from pathlib import Path

import pytest

from s4_devcloud.mail.certificate import server_context
from s4_shop import addresses
from s4_shop.folder import StateFolder
from s4_shop.options import Options
from s4_shop.wiring import Wiring
from service.starting.program import Program
from support.databases import KeptDatabases

ROOT = Path(__file__).parents[3]
Secretly = Callable[[str, str], str]


@pytest.fixture
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def secretly(tmp_path: Path) -> Secretly:
    """Puts a secret into a file, and gives the file's name."""

    def write(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


@pytest.fixture
def nowhere(service: str, tmp_path: Path) -> Program:
    """The service, told exactly what the shop tells it; nothing that it needs is there."""
    folder = StateFolder(tmp_path / "shop")
    folder.create()
    options = Options(repository=ROOT, driver="nspawn", images=tmp_path, node=tmp_path)
    wiring = Wiring(folder, addresses.choose(folder, {}), options)
    wiring.mail_folder.mkdir(parents=True)
    server_context(wiring.mail_folder)
    return Program(service, wiring.service(service), tmp_path)


@pytest.fixture
def unmigrated(nowhere: Program, new_database: str, secretly: Secretly) -> Program:
    """The service with a database that is empty."""
    return nowhere.told("S4_DATABASE_URL", S4_DATABASE_URL_FILE=secretly("database-url", new_database))


@pytest.fixture
async def database(service: str, kept_databases: KeptDatabases) -> str:
    """A database with the service's tables and nothing in them."""
    return await kept_databases.of(f"s4_{service}")


@pytest.fixture
def migrated(nowhere: Program, database: str, secretly: Secretly) -> Program:
    """The service with a database that is as it should be, and no broker."""
    return nowhere.told("S4_DATABASE_URL", S4_DATABASE_URL_FILE=secretly("database-url", database))
