"""A service whose database is taken away under it says so, stays, and goes on once it is back."""

from collections.abc import Callable

import pytest

from s4_shop.ports import LOOPBACK
from service.starting.conftest import Secretly
from service.starting.program import Program
from support.infra import TestDatabases
from support.operator_words import s4
from support.renaming import rename
from support.waiting import until


@pytest.mark.parametrize("service", ["billing"], indirect=True)
async def test_a_database_that_is_renamed_under_a_service_is_named_by_its_probe_its_log_and_the_doctor(
    migrated: Program,
    database: str,
    postgres: TestDatabases,
    amqp_url: str,
    secretly: Secretly,
    free_port: Callable[[], int],
) -> None:
    name = database.rpartition("/")[2]
    told = {"S4_AMQP_URL_FILE": secretly("amqp-url", amqp_url), "S4_PROBES_LISTEN": f"{LOOPBACK}:{free_port()}"}
    program = migrated.told("S4_AMQP_URL", **told)
    async with program.serving() as running:
        await running.comes_to(200)
        await rename(postgres, name, f"{name}_elsewhere")
        try:
            assert (await running.comes_to(503))["database"] is False
            await until(lambda: "database-missing" in running.said(), within=10, what="its log says why")
            status, out, _ = await s4("doctor", "--service", f"billing=http://{told['S4_PROBES_LISTEN']}")
            assert status == 2
            assert "its database is not there under this name (database-missing)" in out
        finally:
            await rename(postgres, f"{name}_elsewhere", name)
        await running.comes_to(200)
        assert "Traceback" not in running.said()
        assert (await running.told_to_stop()).code == 0
