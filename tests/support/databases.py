"""One database for many tests: quicker than one database each."""

import asyncpg


async def emptied(url: str) -> None:
    """The database holds nothing. Who still uses it is thrown out."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid();"
            "drop schema public cascade; create schema public"
        )
    finally:
        await connection.close()
