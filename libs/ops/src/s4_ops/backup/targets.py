"""Databases that are to be restored into: what is there now, fresh ones beside them, and the change of names."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import DEVNULL

import asyncpg
import msgspec

from s4_ops.backup.servers import Connection, Server, said
from s4_runtime import Permanent, Temporary

_MARK = "s4-restore:"
_HERE = """
select d.oid, shobj_description(d.oid, 'pg_database') as mark,
    (select count(*) from pg_stat_activity a where a.datid = d.oid and a.backend_type = 'client backend') as clients
from pg_database d where d.datname = $1
"""
_TABLES = "select tablename from pg_tables where schemaname = 'public' and tablename <> 'applied_migrations' order by 1"


class Target(msgspec.Struct, frozen=True):
    """A database as it is now. ``restored_from`` is the backup that it was restored from, and when, if it was."""

    exists: bool
    holds: str | None = None
    clients: int = 0
    migrations: Mapping[str, str] = {}
    restored_from: str | None = None
    restored_at: str | None = None


async def look(server: Server, name: str) -> Target:
    """The database. ``holds`` is a table with something in it; None when all are empty."""
    admin = await server.connect()
    try:
        row = await admin.fetchrow(_HERE, name)
    finally:
        await admin.close()
    if row is None:
        return Target(exists=False)
    mark = str(row["mark"] or "")
    backup, _, at = mark.removeprefix(_MARK).partition(" ") if mark.startswith(_MARK) else ("", "", "")
    inside = await server.connect(name)
    try:
        return Target(True, await _holds(inside), row["clients"], await _migrations(inside), backup or None, at or None)
    finally:
        await inside.close()


async def _holds(connection: Connection) -> str | None:
    for row in await connection.fetch(_TABLES):
        table = row["tablename"]
        if await connection.fetchval(f'select exists (select from "{table}")'):  # noqa: S608  a name that it told us
            return str(table)
    return None


async def _migrations(connection: Connection) -> dict[str, str]:
    try:
        rows = await connection.fetch("select package || '/' || name as file, checksum from applied_migrations")
    except asyncpg.UndefinedTableError:
        return {}
    return {row["file"]: row["checksum"] for row in rows}


def fresh(name: str) -> str:
    """Where a database is restored before it takes its name."""
    return f"{name}_restoring"


async def fill(server: Server, name: str, dump: Path) -> None:
    """A fresh database beside the real one holds the dump; its events are to be sent once more. Raises Temporary."""
    await drop_fresh(server, name)
    admin = await server.connect()
    try:
        if not await admin.fetchval("select exists (select from pg_roles where rolname = $1)", name):
            await admin.execute(f'create role "{name}" login')  # without a password nobody comes in
        await admin.execute(f'create database "{fresh(name)}" owner "{name}" template template0')
        await admin.execute(f'revoke all on database "{fresh(name)}" from public')
    except asyncpg.PostgresError as trouble:
        raise Temporary("restore-failed", database=name, why=type(trouble).__name__) from None
    finally:
        await admin.close()
    await asyncio.to_thread(_load, server, name, dump)
    inside = await server.connect(fresh(name))
    try:
        await inside.execute("update outbox set sent_at = null where sent_at is not null; analyze")
    finally:
        await inside.close()


def _load(server: Server, name: str, dump: Path) -> None:
    options = ("--exit-on-error", "--no-owner", f"--role={name}", "--no-privileges", "--jobs=2")
    with server.start(
        "pg_restore", fresh(name), *options, f"--dbname={fresh(name)}", str(dump), output=DEVNULL
    ) as loading:
        complaint = said(loading)
    if loading.returncode:
        raise Temporary("restore-failed", database=name, why=complaint)


async def drop_fresh(server: Server, name: str) -> None:
    """What an earlier restore left unfinished is gone."""
    admin = await server.connect()
    try:
        await admin.execute(f'drop database if exists "{fresh(name)}" with (force)')
    finally:
        await admin.close()


async def swap(server: Server, names: Sequence[str], backup: str, at: str) -> list[str]:
    """All fresh databases have their names, or none has. The names of those that were there before.

    Raises Permanent when somebody is connected: services are to be stopped.
    """
    admin, aside = await server.connect(), []
    try:
        async with admin.transaction():
            for name in names:
                if await admin.fetchval("select exists (select from pg_database where datname = $1)", name):
                    aside.append(f"{name}_before_{at}")
                    await admin.execute(f'alter database "{name}" rename to "{aside[-1]}"')
            for name in names:
                await admin.execute(f'alter database "{fresh(name)}" rename to "{name}"')
                await admin.execute(f"comment on database \"{name}\" is '{_MARK}{backup} {at}'")
    except asyncpg.ObjectInUseError:
        raise Permanent("database-in-use", stop="all services") from None
    finally:
        await admin.close()
    return aside
