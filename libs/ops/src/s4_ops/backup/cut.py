"""One moment of several databases.

Each database's snapshot is consistent in itself. Together they are when no database has heard of an event that its
owner's snapshot does not hold. That is looked at after the snapshots were taken, milliseconds from each other; if an
event went through in between, they are taken again. It needs no lock and no right to write.

The other way round, an event that was told and not yet heard is no harm: a restore sends it again.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

import msgspec

from s4_ops.backup.servers import Connection, Server
from s4_runtime import Temporary

_LOOKS = 50
_PAUSE = 0.05  # seconds
_BEGIN = (
    "set idle_in_transaction_session_timeout = 0; set statement_timeout = 0;"
    " begin isolation level repeatable read, read only"
)
_MIGRATIONS = "select package || '/' || name as file, checksum from applied_migrations order by package, name"


class Cut(msgspec.Struct, frozen=True):
    """A snapshot of each database, which pg_dump can use while the cut is open, and which release the rows are of."""

    taken_at: datetime
    looks: int
    snapshots: Mapping[str, str]
    migrations: Mapping[str, Mapping[str, str]]
    sizes: Mapping[str, int]


@asynccontextmanager
async def cut(server: Server, databases: Sequence[str]) -> AsyncIterator[Cut]:
    """The cut, as long as the block lasts. Raises Temporary when no such moment was found."""
    async with AsyncExitStack() as stack:
        connections = {}
        for name in databases:
            connections[name] = await server.connect(name)
            stack.push_async_callback(connections[name].close)
        for look in range(1, _LOOKS + 1):
            began: datetime = await connections[databases[0]].fetchval("select clock_timestamp()")
            exported = await asyncio.gather(*map(_snapshot, connections.values()))
            heard = await _heard(connections.values(), began)
            if not heard - await _told(connections.values(), heard):
                yield Cut(
                    began,
                    look,
                    dict(zip(databases, exported, strict=True)),
                    {name: await _migrations(each) for name, each in connections.items()},
                    {name: await _size(each) for name, each in connections.items()},
                )
                return
            await asyncio.gather(*(each.execute("rollback") for each in connections.values()))
            await asyncio.sleep(_PAUSE)
        raise Temporary("no-moment-found", looks=_LOOKS)


async def _snapshot(connection: Connection) -> str:
    await connection.execute(_BEGIN)
    return str(await connection.fetchval("select pg_export_snapshot()"))


async def _heard(connections: Collection[Connection], since: datetime) -> set[str]:
    """Events whose effect came into a database since the first snapshot was begun."""
    sql = "select id::text from inbox where handled_at >= $1"
    return {str(row["id"]) for each in connections for row in await each.fetch(sql, since)}


async def _told(connections: Collection[Connection], ids: Collection[str]) -> set[str]:
    """Those of the events that a database tells of."""
    if not ids:
        return set()
    sql = "select id::text from outbox where id = any($1::text[]::uuid[])"
    return {str(row["id"]) for each in connections for row in await each.fetch(sql, list(ids))}


async def _migrations(connection: Connection) -> dict[str, str]:
    return {row["file"]: row["checksum"] for row in await connection.fetch(_MIGRATIONS)}


async def _size(connection: Connection) -> int:
    return int(await connection.fetchval("select pg_database_size(current_database())"))
