"""Databases that tests use one after another: quicker than a database for each test."""

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from s4_store import migrate
from support.infra import TestDatabases

_OTHERS_OUT = (
    "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
    " where datname = current_database() and pid <> pg_backend_pid()"
)
_TABLES = (
    "select tablename from pg_tables"
    " where schemaname = 'public' and tablename <> 'applied_migrations' order by tablename"
)
# Changes when anything is created, altered or dropped, and only then.
_SHAPE = """
select md5(string_agg(part, ',' order by part)) from (
    select concat('class', oid, xmin) part from pg_class where relnamespace = 'public'::regnamespace
    union all select concat('column', c.oid, attnum, a.xmin) from pg_attribute a join pg_class c on c.oid = attrelid
        where relnamespace = 'public'::regnamespace
    union all select concat('trigger', t.oid, t.xmin) from pg_trigger t join pg_class c on c.oid = tgrelid
        where relnamespace = 'public'::regnamespace
    union all select concat('constraint', oid, xmin) from pg_constraint where connamespace = 'public'::regnamespace
    union all select concat('function', oid, xmin) from pg_proc where pronamespace = 'public'::regnamespace
    union all select concat('schema', oid, xmin) from pg_namespace where nspname not like 'pg\\_temp%'
) parts
"""


async def emptied(url: str) -> None:
    """The database holds nothing. Who still uses it is thrown out."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"{_OTHERS_OUT}; drop schema public cascade; create schema public")
    finally:
        await connection.close()


@dataclass(frozen=True)
class _Kept:
    url: str
    shape: str
    emptying: str


class KeptDatabases:
    """Databases with the tables of a package, which every test gets as if they were new."""

    def __init__(self, databases: TestDatabases) -> None:
        self._databases = databases
        self._kept: Mapping[str, _Kept] = {}

    async def of(self, package: str, name: str = "", *, and_tables: str = "") -> str:
        """The url of a database that was migrated for `package`. It has no rows, and nobody is connected to it.

        Each name has a database of its own, with more tables if a test needs them.
        """
        kept = self._kept.get(name or package)
        if kept is None or not await _is_emptied(kept):
            if kept is not None:
                self._databases.drop_database(kept.url)
            kept = await self._made(package, name or package, and_tables)
            self._kept = {**self._kept, name or package: kept}
        return kept.url

    async def _made(self, package: str, name: str, and_tables: str) -> _Kept:
        url = self._databases.create_database(name)
        await migrate(url, package)
        connection = await asyncpg.connect(url)
        try:
            if and_tables:
                await connection.execute(and_tables)
            tables = [str(row["tablename"]) for row in await connection.fetch(_TABLES)]
            for table in tables:
                brought = await connection.fetchval(f'select count(*) from "{table}"')  # noqa: S608  a name of ours
                assert not brought, f"{table} has rows when it is new; a test would not find them"
            return _Kept(url, await _shape(connection), _emptying(tables))
        finally:
            await connection.close()


async def _is_emptied(kept: _Kept) -> bool:
    """False when a test left another shape behind."""
    connection = await asyncpg.connect(kept.url)
    try:
        await connection.execute(_OTHERS_OUT)
        if await _shape(connection) != kept.shape:
            return False
        await connection.execute(kept.emptying)
        return True
    finally:
        await connection.close()


async def _shape(connection: "asyncpg.Connection[asyncpg.Record]") -> str:
    return str(await connection.fetchval(_SHAPE))


def _emptying(tables: list[str]) -> str:
    # Without its triggers no table minds in which order they are emptied.
    gone = [f'delete from "{table}"' for table in tables]  # noqa: S608  names of ours
    anew = "select setval(seqrelid, seqstart, false) from pg_sequence"
    return "; ".join(["set session_replication_role = replica", *gone, anew])
