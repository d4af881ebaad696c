"""A PostgreSQL server with every service's database, and the secrets of a shop: all that a backup holds."""

import asyncio
import contextlib
import io
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pyrage

from s4_cli.__main__ import main
from s4_shop.folder import StateFolder
from s4_shop.postgres import PostgresCluster
from s4_shop.wiring import SERVICES, Wiring
from s4_store import migrate
from support.wired import wiring_in


@dataclass(frozen=True)
class Told:
    """What a command said."""

    status: int
    out: str
    err: str

    @property
    def facts(self) -> dict[str, object]:
        """The answer to --json."""
        read: dict[str, object] = json.loads(self.out)
        return read


class Installation:
    """Its services do not run; who operates it does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wiring: Wiring = wiring_in(StateFolder(folder / "shop"), durable=False)
        for service in SERVICES:
            self.wiring.service(service)
        self.settings = Path(self.wiring.backup_settings())
        key = pyrage.x25519.Identity.generate()
        self.recipient, self.identity = str(key.to_public()), folder / "identity"
        self.identity.write_text(f"# made for this test\n{key}\n")
        self.empty = folder / "empty"
        self.empty.mkdir()

    @property
    def cluster(self) -> PostgresCluster:
        """The server."""
        return self.wiring.postgres

    @property
    def secrets(self) -> Path:
        """The folder of secrets."""
        return self.wiring.folder.root / "secrets"

    def up(self) -> "Installation":
        """The server runs, and every database has its tables and nothing else."""
        self.cluster.start()
        for service in SERVICES:
            self.cluster.run(f"create role {service} login")
            self.cluster.run(f"create database {service} owner {service}")
            asyncio.run(migrate(self.cluster.url(service), f"s4_{service}"))
        return self

    def down(self) -> None:
        """Nothing of it is left."""
        self.cluster.stop()
        self.cluster.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, database: str, text: str) -> str:
        """What the statement answers."""
        return self.cluster.run(text, database)

    async def connect(self, database: str) -> "asyncpg.Connection[asyncpg.Record]":
        """A connection of somebody who works there."""
        return await asyncpg.connect(self.cluster.url(database))

    def configure(self, **settings: object) -> Path:
        """Settings of a backup that differ from the shop's."""
        told = json.loads(self.settings.read_text()) | settings
        path = self.folder / "settings.json"
        path.write_text(json.dumps(told))
        return path

    def s4(self, command: str, *words: object, settings: Path | None = None) -> Told:
        """``s4 backup COMMAND WORDS``, as typed."""
        out, err = io.StringIO(), io.StringIO()
        typed = ["backup", command, "--settings", str(settings or self.settings), *map(str, words)]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(typed)
        return Told(status, out.getvalue(), err.getvalue())

    def create(self, to: object, settings: Path | None = None) -> str:
        """The id of a backup that was made there."""
        told = self.s4("create", "--to", to, "--recipient", self.recipient, "--json", settings=settings)
        assert told.status == 0, told.err
        return str(told.facts["id"])

    def databases(self) -> Mapping[str, str]:
        """Every database of the server, with what was noted on it."""
        text = self.cluster.run(
            "select datname || '=' || coalesce(shobj_description(oid, 'pg_database'), '') from pg_database"
            " where not datistemplate and datname <> 'postgres'"
        )
        return dict(line.split("=", 1) for line in text.splitlines())
