"""The database answers, and refuses us: it is said why, and once that is mended work goes on."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from s4_runtime import outages
from s4_store import DatabaseUnavailable, Pool
from support.certificates import Authority
from support.encrypting import showing
from support.infra import TestDatabases
from support.renaming import rename
from support.waiting import until


@pytest.fixture(autouse=True)
def nothing_is_out() -> None:
    outages.back("database")


@pytest.fixture
def sacrificed(postgres: TestDatabases) -> str:
    """A database that may be lost."""
    return postgres.create_database("sacrificed")


def named(url: str) -> str:
    return url.rpartition("/")[2]


def told(lines: list[Any]) -> list[Mapping[str, Any]]:
    return [line for line in lines if line["event"].startswith("database.")]


async def test_a_database_that_is_renamed_under_a_service_is_named_and_used_again_once_it_is_back(
    sacrificed: str, postgres: TestDatabases
) -> None:
    name = named(sacrificed)
    with capture_logs() as lines:
        async with Pool.open(sacrificed) as pool:
            assert await pool.is_reachable()
            await rename(postgres, name, "elsewhere")
            with pytest.raises(DatabaseUnavailable):
                await until(lambda: pool.fetchval("select null"), within=5, what="the pool notices")
            assert not await pool.is_reachable()
            assert not await pool.is_reachable()
            assert REGISTRY.get_sample_value("s4_outage", {"part": "database", "code": "database-missing"}) == 1
            await rename(postgres, "elsewhere", name)
            await until(pool.is_reachable, within=5, what="the database is used again")
    assert [(line["event"], line.get("code"), line.get("database")) for line in told(lines)] == [
        ("database.out", "database-missing", name),
        ("database.back", None, None),
    ]
    assert REGISTRY.get_sample_value("s4_outage", {"part": "database", "code": "database-missing"}) is None


async def test_a_database_that_was_dropped_is_named_when_a_service_starts(
    sacrificed: str, postgres: TestDatabases
) -> None:
    postgres.drop_database(sacrificed)
    with pytest.raises(DatabaseUnavailable, match=f"^database-missing database={named(sacrificed)}$"):
        await opened(sacrificed)


async def test_a_wrong_password_is_said_so_and_not_shown(sacrificed: str, postgres: TestDatabases) -> None:
    role = f"role_{named(sacrificed)}"
    postgres.cluster.run(f"create role {role} login password 'right'")
    wrong = sacrificed.replace(sacrificed.partition("//")[2].partition("@")[0], f"{role}:wrong-word")
    with pytest.raises(DatabaseUnavailable, match=r"^database-login-refused$"):
        await opened(wrong)


async def test_an_ended_certificate_is_named_with_its_host_and_since_when(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ended, others = authority.certificate(until=timedelta(days=-1)), authority.certificate(name="elsewhere")
    for shown, why in (
        (ended, r"database-certificate-expired host=localhost port=\d+ ended=\d{4}-\d\d-\d\dT\d\d:\d\dZ"),
        (others, "database-certificate-refused"),
    ):
        async with showing(shown, "postgresql") as port:
            url = f"postgresql://s4:word@localhost:{port}/web?sslmode=verify-full&sslrootcert={authority.file}"
            with pytest.raises(DatabaseUnavailable, match=f"^{why}$"):
                await opened(url)


async def opened(url: str) -> None:
    async with Pool.open(url, patience=timedelta()):
        pytest.fail("it was let in")
