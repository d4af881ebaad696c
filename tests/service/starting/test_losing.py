"""A service whose database is taken away under it says so, stays, and goes on once it is back."""

import pytest

from service.starting.conftest import Secretly
from service.starting.program import Program
from support.infra import TestDatabases
from support.operator_words import s4
from support.renaming import rename
from support.waiting import until


@pytest.fixture
def connected(migrated: Program, amqp_url: str, secretly: Secretly) -> Program:
    """The service with all that it needs to be ready."""
    return migrated.told("S4_AMQP_URL", S4_AMQP_URL_FILE=secretly("amqp-url", amqp_url))


@pytest.mark.parametrize("service", ["billing"], indirect=True)
async def test_a_database_that_is_renamed_under_a_service_is_named_by_its_probe_its_log_and_the_doctor(
    connected: Program, database: str, postgres: TestDatabases
) -> None:
    name = database.rpartition("/")[2]
    async with connected.serving() as running:
        await running.comes_to(200)
        await rename(postgres, name, f"{name}_elsewhere")
        try:
            assert (await running.comes_to(503))["database"] is False
            await until(lambda: "database-missing" in running.said(), within=10, what="its log says why")
            status, out, _ = await s4("doctor", "--service", f"billing=http://{connected.settings['S4_PROBES_LISTEN']}")
            assert status == 2
            assert "its database is not there under this name (database-missing)" in out
        finally:
            await rename(postgres, f"{name}_elsewhere", name)
        await running.comes_to(200)
        assert [line for line in running.said().splitlines() if "Traceback" in line] == []
        assert (await running.told_to_stop()).code == 0
