import asyncio
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from s4_runtime import Permanent
from s4_store import Pool, migrate, require_migrated

Package = Callable[..., str]


@pytest.fixture
def package(tmp_path: Path) -> Iterator[Package]:
    """Makes an importable package with these migrations; called again, it changes them."""
    sys.path.insert(0, str(tmp_path))

    def make(**files: str) -> str:
        folder = tmp_path / "shelf" / "migrations"
        folder.mkdir(parents=True, exist_ok=True)
        (tmp_path / "shelf" / "__init__.py").touch()
        for name, sql in files.items():
            (folder / f"{name.removeprefix('m')}.sql").write_text(sql)
        importlib.invalidate_caches()
        return "shelf"

    yield make
    sys.path.remove(str(tmp_path))
    sys.modules.pop("shelf", None)


async def test_ours_come_first_then_the_services_in_order_and_each_once(database: str, package: Package) -> None:
    name = package(m0002_more="alter table books add pages int", m0001_books="create table books (id int)")
    assert await migrate(database, name) == [
        "s4_store/0001_messages.sql",
        "s4_store/0002_inbox_age.sql",
        "shelf/0001_books.sql",
        "shelf/0002_more.sql",
    ]
    assert await migrate(database, name) == []


async def test_a_new_file_is_applied_to_an_old_database(database: str, package: Package) -> None:
    await migrate(database, package(m0001_books="create table books (id int)"))
    name = package(m0002_more="alter table books add pages int")
    async with Pool.open(database) as pool:
        with pytest.raises(Permanent, match=r"missing=0002_more\.sql") as refused:
            await require_migrated(pool, name)
        assert "run=python -m shelf migrate" in str(refused.value)
        assert await migrate(database, name) == ["shelf/0002_more.sql"]
        await require_migrated(pool, name)


async def test_an_empty_database_is_refused_with_the_command_to_run(database: str) -> None:
    async with Pool.open(database) as pool:
        with pytest.raises(Permanent, match="database-not-migrated") as refused:
            await require_migrated(pool, "s4_store")
    assert "python -m s4_store migrate" in str(refused.value)


async def test_a_file_that_was_changed_after_it_had_been_applied_is_refused(database: str, package: Package) -> None:
    name = package(m0001_books="create table books (id int)")
    await migrate(database, name)
    package(m0001_books="create table books (id bigint)")
    with pytest.raises(Permanent, match=r"migration-changed package=shelf file=0001_books\.sql"):
        await migrate(database, name)
    async with Pool.open(database) as pool:
        with pytest.raises(Permanent, match="migration-changed"):
            await require_migrated(pool, name)


async def test_a_file_that_fails_leaves_the_database_as_it_was(database: str, package: Package) -> None:
    name = package(m0001_books="create table books (id int)", m0002_wrong="alter table nothing add x int")
    with pytest.raises(asyncpg.UndefinedTableError):
        await migrate(database, name)
    async with Pool.open(database) as pool:
        assert await pool.fetchval("select to_regclass('books')") is None
    package(m0002_wrong="alter table books add x int")
    assert await migrate(database, name) == [
        "s4_store/0001_messages.sql",
        "s4_store/0002_inbox_age.sql",
        "shelf/0001_books.sql",
        "shelf/0002_wrong.sql",
    ]


async def test_several_at_once_apply_each_file_once(database: str, package: Package) -> None:
    name = package(m0001_books="create table books (id int)")
    applied = await asyncio.gather(*(migrate(database, name) for _ in range(4)))
    assert sorted(map(len, applied)) == [0, 0, 0, 3]


@pytest.mark.parametrize("wrong", ["1_books", "0001-books", "0001_Books"])
async def test_a_file_with_a_wrong_name_is_refused(database: str, package: Package, wrong: str) -> None:
    name = package(m0001_fine="select 1", **{wrong: "select 1"})
    with pytest.raises(Permanent, match=f"migration-misnamed package=shelf file={wrong}.sql"):
        await migrate(database, name)


async def test_two_files_of_one_number_are_refused(database: str, package: Package) -> None:
    with pytest.raises(Permanent, match=r"migration-misnamed package=shelf file=0001_books\.sql"):
        await migrate(database, package(m0001_books="select 1", m0001_papers="select 1"))


async def test_a_database_of_a_newer_release_is_no_obstacle(database: str, package: Package) -> None:
    await migrate(database, package(m0001_books="create table books (id int)"))
    async with Pool.open(database) as pool:
        await pool.execute("insert into applied_migrations values ('shelf', '0002_later.sql', 'x')")
        await require_migrated(pool, "shelf")
