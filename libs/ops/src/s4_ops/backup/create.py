"""Making a backup: one moment of all databases and the secrets, encrypted piece by piece, the manifest last."""

import asyncio
import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

from pyrage import x25519

from s4_ops.backup import manifest, sealing, secret_files, signatures
from s4_ops.backup.cut import Cut, cut
from s4_ops.backup.inventory import Inventory
from s4_ops.backup.manifest import Database, Manifest, Piece
from s4_ops.backup.places import Place
from s4_ops.backup.progress import Steps, Watched
from s4_ops.backup.sealing import Reads
from s4_ops.backup.servers import Server, said
from s4_ops.backup.settings import BackupSettings
from s4_runtime import Clock, Permanent, Temporary

# Databases that are not the services' own: the server's, a provider's, and what a restore left or set aside.
_OTHERS = (
    "select datname from pg_database where not datistemplate and datname not in ('postgres', 'rdsadmin')"
    " and datname !~ '_(before_[0-9tz]+|restoring)$' order by datname"
)


class Backup:
    """One backup in the making. Ended on any line it leaves pieces without a manifest, which is no backup."""

    def __init__(self, settings: BackupSettings, server: Server, at: Place, steps: Steps, scratch: Path) -> None:
        self._settings = settings
        self._server = server
        self._at = at
        self._steps = steps
        self._scratch = scratch
        # Read before anything is written: a key that is none is no reason to begin.
        key_file = settings.signing_key_file
        self._key = signatures.read(Path(key_file)) if key_file else None
        self._to: Sequence[x25519.Recipient] = sealing.recipients(settings.recipients)

    async def create(self, inventory: Inventory, clock: Clock) -> Manifest:
        """The backup lies there, whole."""
        files = secret_files.kept(Path(self._settings.secrets), inventory)
        version = await self._expect(inventory)
        backup = manifest.new_id(clock.now())
        async with cut(self._server, list(inventory.databases)) as moment:
            pieces = [
                await asyncio.to_thread(self._database, backup, name, moment) for name in inventory.databases
            ]  # one after the other: the services work on meanwhile
        with self._steps.step("secrets"):
            pieces.append(self._store(backup, manifest.SECRETS, io.BytesIO(secret_files.encoded(files))))
        made = Manifest(
            id=backup,
            deployment=self._settings.deployment,
            taken_at=moment.taken_at,
            finished_at=clock.now(),
            server=version,
            looks=moment.looks,
            databases={name: Database(dict(rows)) for name, rows in moment.migrations.items()},
            pieces=pieces,
            recipients=self._settings.recipients,
        )
        self._finish(made)
        return made

    async def _expect(self, inventory: Inventory) -> int:
        """The server's version. Raises Permanent for a database that nobody named, and for one that is missing."""
        connection = await self._server.connect()
        try:
            there = {str(row["datname"]) for row in await connection.fetch(_OTHERS)}
            version = int(await connection.fetchval("select current_setting('server_version_num')::int"))
        finally:
            await connection.close()
        for name in sorted(there ^ set(inventory.databases)):
            code = "database-not-in-inventory" if name in there else "database-missing"
            raise Permanent(code, database=name)
        return version

    def _database(self, backup: str, name: str, moment: Cut) -> Piece:
        options = ("--format=custom", "--compress=6", "--lock-wait-timeout=60000")
        snapshot = f"--snapshot={moment.snapshots[name]}"
        with (
            self._steps.step(f"database {name}", moment.sizes[name]) as advance,
            self._server.start("pg_dump", name, *options, snapshot, output=PIPE) as dumping,
        ):
            source = Watched(dumping.stdout or io.BytesIO(), advance)
            try:
                return self._store(backup, manifest.dump_of(name), source, dumping=dumping)
            finally:
                dumping.kill()

    def _store(self, backup: str, name: str, source: Reads, dumping: "Popen[bytes] | None" = None) -> Piece:
        """The piece lies there, if what it is made from came to a good end."""
        with _scratch_file(self._scratch) as file:
            with file.open("wb") as target:
                piece = sealing.seal(name, source, target, self._to)
            if dumping is not None:
                complaint = said(dumping)
                if dumping.returncode:
                    raise Temporary("dump-failed", piece=name, why=complaint)
            self._at.put(f"{backup}/{name}", file)
        return piece

    def _finish(self, made: Manifest) -> None:
        text = manifest.encoded(made)
        with _scratch_file(self._scratch) as file:
            if self._key is not None:
                file.write_bytes(signatures.sign(self._key, text))
                self._at.put(f"{made.id}/{signatures.NAME}", file)
            file.write_bytes(text)
            self._at.put(f"{made.id}/{manifest.NAME}", file)


@contextmanager
def _scratch_file(folder: Path) -> Iterator[Path]:
    """A file of our own, gone afterwards. It only ever holds what is encrypted."""
    try:
        handle, name = tempfile.mkstemp(dir=folder)
        os.close(handle)
    except OSError as trouble:
        raise Temporary("backup-not-written", why=os.strerror(trouble.errno or 0)) from None
    try:
        yield Path(name)
    finally:
        Path(name).unlink()
