"""A PostgreSQL server as an administrator sees it, and PostgreSQL's own programs."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import IO, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import msgspec

from s4_runtime import Permanent, Secret, Temporary

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
_DEBIAN = Path("/usr/lib/postgresql")
_SAID = 300  # characters of what a program said


class Server(msgspec.Struct, frozen=True):
    """One server, by the url of who may do what a backup or a restore needs."""

    url: Secret

    def of(self, database: str) -> str:
        """The url of one of its databases; holds the password."""
        return urlunsplit(urlsplit(self.url.reveal())._replace(path=f"/{database}"))

    async def connect(self, database: str | None = None) -> Connection:
        """A connection. Raises Temporary, and Permanent for a database that is not there."""
        url = self.url.reveal() if database is None else self.of(database)
        try:
            return await asyncpg.connect(url, timeout=10, server_settings={"application_name": "s4-backup"})
        except asyncpg.InvalidCatalogNameError:
            raise Permanent("database-missing", database=database or "") from None
        except asyncpg.InvalidAuthorizationSpecificationError:
            raise Permanent("database-refused-us") from None
        except (OSError, TimeoutError, asyncpg.PostgresError) as trouble:
            raise Temporary("database-unreachable", why=type(trouble).__name__) from None

    def start(self, program: str, database: str, *words: str, output: IO[bytes] | int) -> subprocess.Popen[bytes]:
        """The program runs for a database. Its password is in no list of processes."""
        return subprocess.Popen(
            [_program(program), "--no-password", *words],
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", **self._environment(database)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
        )

    def _environment(self, database: str) -> dict[str, str]:
        """As libpq reads it (PostgreSQL manual, "Environment Variables")."""
        at = urlsplit(self.url.reveal())
        told = {"PGHOST": at.hostname, "PGPORT": str(at.port or 5432), "PGUSER": at.username, "PGPASSWORD": at.password}
        mode = {"PGSSLMODE": "require"} if "sslmode=require" in at.query else {}
        return {name: value for name, value in told.items() if value} | {"PGDATABASE": database} | mode


def server(url_file: Path) -> Server:
    """The server whose url is in the file. Raises Permanent."""
    try:
        url = url_file.read_text(encoding="utf-8").strip()
    except OSError:
        raise Permanent("server-url-unreadable", file=str(url_file)) from None
    if urlsplit(url).scheme not in ("postgresql", "postgres"):
        raise Permanent("server-url-unreadable", file=str(url_file))
    return Server(Secret(url))


def said(process: subprocess.Popen[bytes]) -> str:
    """The first line of what it complained about; waits for its end."""
    text = process.stderr.read().decode("utf-8", "replace") if process.stderr else ""
    process.wait()
    return next((line for line in text.splitlines() if "error" in line.lower()), text)[:_SAID].strip()


def table_of_contents(dump: Path) -> list[str]:
    """What pg_restore finds in the dump. Raises Permanent when it is none."""
    done = subprocess.run([_program("pg_restore"), "--list", str(dump)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Permanent("dump-unreadable", file=dump.name)
    return [line for line in done.stdout.splitlines() if line and not line.startswith(";")]


def _program(name: str) -> str:
    """The newest one: an old pg_dump refuses a newer server. Raises Permanent."""
    known = sorted(_DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parent.parent.name))
    found = str(known[-1]) if known else shutil.which(name)
    if found is None:
        raise Permanent("program-missing", program=name, package="postgresql-client")
    return found
