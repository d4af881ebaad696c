"""A database that gets another name, whoever uses it."""

import asyncio

from support.infra import TestDatabases


async def rename(postgres: TestDatabases, name: str, other: str) -> None:
    """As an operator would: nobody is let in any more, who is in is ended."""
    out = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = "
    for sql in (
        f'alter database "{name}" allow_connections false',
        f"{out}'{name}'",
        f'alter database "{name}" rename to "{other}"',
        f'alter database "{other}" allow_connections true',
    ):
        await asyncio.to_thread(postgres.cluster.run, sql)
