"""The database's shape: numbered SQL files, each applied once, in order, and never changed afterwards."""

from __future__ import annotations

import hashlib
import re
from importlib import resources

import asyncpg
import msgspec

from s4_runtime import Permanent, Secret, get_logger
from s4_store.errors import database_errors
from s4_store.pool import Pool

_OWN = "s4_store"
_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_LOCK = 0x53345F4D  # "S4_M": any number that nobody else uses in this database
_TABLE = """
create table if not exists applied_migrations (
    package text not null, name text not null, checksum text not null,
    applied_at timestamptz not null default now(), primary key (package, name)
)
"""


class Migration(msgspec.Struct, frozen=True):
    """One file of a package's ``migrations`` folder."""

    package: str
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Changes with any byte of the file."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


async def migrate(url: Secret | str, package: str) -> list[str]:
    """The database has every migration of s4_store and of ``package``. The names that were applied now.

    Raises Permanent when a file was changed after it had been applied, or has a wrong name. Two at once take turns.
    """
    applied_now = []
    async with Pool.open(url, max_size=1) as pool, pool.transaction() as tx:
        await tx.execute("select pg_advisory_xact_lock($1)", _LOCK)
        await tx.execute(_TABLE)
        applied = _by_name(await tx.fetch("select package, name, checksum from applied_migrations"))
        for migration in _missing(_wanted(package), applied):
            await tx.execute(migration.sql)
            await tx.execute(
                "insert into applied_migrations (package, name, checksum) values ($1, $2, $3)",
                migration.package,
                migration.name,
                migration.checksum,
            )
            applied_now.append(f"{migration.package}/{migration.name}")
    get_logger().info("database.migrated", package=package, applied=applied_now)
    return applied_now


async def require_migrated(pool: Pool, package: str) -> None:
    """Return if the database has every migration; raise Permanent, which names the command to run, if not.

    Migrations that only a newer release knows are no obstacle: replicas of two releases run side by side in a roll-out.
    """
    try:
        with database_errors():
            rows = await pool.fetch("select package, name, checksum from applied_migrations")
    except asyncpg.UndefinedTableError:
        rows = []
    missing = _missing(_wanted(package), _by_name(rows))
    if missing:
        raise Permanent("database-not-migrated", missing=missing[0].name, run=f"python -m {package} migrate")


def _by_name(rows: list[asyncpg.Record]) -> dict[tuple[str, str], str]:
    return {(row["package"], row["name"]): row["checksum"] for row in rows}


def _wanted(package: str) -> list[Migration]:
    packages = [_OWN] if package == _OWN else [_OWN, package]
    return [migration for each in packages for migration in migrations_of(each)]


def migrations_of(package: str) -> list[Migration]:
    """The package's migrations in the order of their numbers."""
    files = [file for file in resources.files(package).joinpath("migrations").iterdir() if file.name.endswith(".sql")]
    wrong = [file.name for file in files if not _NAME.fullmatch(file.name)]
    numbers = [file.name[:4] for file in files]
    wrong += [file.name for file in files if numbers.count(file.name[:4]) > 1]
    if wrong:
        raise Permanent("migration-misnamed", package=package, file=min(wrong), wanted="NNNN_name.sql")
    return [
        Migration(package, file.name, file.read_text(encoding="utf-8")) for file in sorted(files, key=lambda f: f.name)
    ]


def _missing(wanted: list[Migration], applied: dict[tuple[str, str], str]) -> list[Migration]:
    for migration in wanted:
        checksum = applied.get((migration.package, migration.name))
        if checksum is not None and checksum != migration.checksum:
            raise Permanent("migration-changed", package=migration.package, file=migration.name, wanted="a new file")
    return [migration for migration in wanted if (migration.package, migration.name) not in applied]
