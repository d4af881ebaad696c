"""A backup comes back: databases of one moment, secrets, and events that nobody may have heard."""

import asyncio
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from s4_ops.audit import recorded
from s4_ops.backup.cut import cut
from s4_ops.backup.manifest import NAME
from s4_ops.backup.servers import Server
from s4_ops.backup.signatures import NAME as SIGNATURE
from s4_runtime import Secret
from support.backed_up import Installation


@pytest.fixture
def as_it_was(installation: Installation) -> Iterator[None]:
    """What a restore set aside is gone again."""
    yield
    for name in installation.databases():
        if "_before_" in name:
            installation.sql("postgres", f"drop database {name}")


@pytest.mark.usefixtures("as_it_was")
def test_what_was_lost_is_there_again_and_what_was_there_is_set_aside(
    installation: Installation, backups: Path, audit: Path
) -> None:
    installation.sql("billing", "delete from outbox")
    installation.sql("support", "drop table events cascade")
    sealed = (installation.secrets / "seal-key").read_text()
    (installation.secrets / "seal-key").unlink()
    (installation.secrets / "ssh-key").write_text("another")

    words = ("--from", backups, "--identity", installation.identity, "--yes")
    refused, told = installation.s4("restore", *words), installation.s4("restore", *words, "--force")

    assert "secret-is-another-one file=ssh-key" in refused.err or "target-not-empty" in refused.err
    assert told.status == 0, told.err
    assert installation.sql("billing", "select count(*), count(sent_at) from outbox") == "1|0", "it is told once more"
    assert installation.sql("web", "select count(*) from inbox") == "1", "and was heard already"
    assert installation.sql("support", "select count(*) from events") == "0"
    assert installation.sql("web", "select tableowner from pg_tables where tablename = 'signups'") == "web"
    assert (installation.secrets / "seal-key").read_text() == sealed
    assert (installation.secrets / "ssh-key").read_text() != "another"
    assert sum("_before_" in name for name in installation.databases()) == 6
    assert [line["outcome"] for line in recorded(audit)] == ["began", "failed", "began", "done"]

    again = installation.s4("restore", *words)
    assert again.status == 0, "done twice it does nothing more"
    assert sum("_before_" in name for name in installation.databases()) == 6
    next_steps = installation.s4("after-restore")
    assert next_steps.status == 1
    assert "TO DO  billing: events of the last seven days are sent again" in next_steps.out
    assert "done   web: events of the last seven days are sent again" in next_steps.out


def test_a_database_that_nobody_named_is_not_forgotten_in_silence(installation: Installation, tmp_path: Path) -> None:
    installation.sql("postgres", "create database novelty")
    try:
        told = installation.s4("create", "--to", tmp_path / "b", "--recipient", installation.recipient)
    finally:
        installation.sql("postgres", "drop database novelty")

    assert told.status == 1
    assert "database-not-in-inventory database=novelty" in told.err
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("missing", ["seal-key", "smtp-password"], ids=["seal", "mail"])
def test_a_secret_that_is_missing_stops_the_backup(installation: Installation, tmp_path: Path, missing: str) -> None:
    secrets = shutil.copytree(installation.secrets, tmp_path / "secrets")
    (secrets / missing).unlink()

    settings = installation.configure(secrets=str(secrets), recipients=[installation.recipient])
    told = installation.s4("create", "--to", tmp_path / "b", settings=settings)

    assert told.status == 1
    assert "secret-missing" in told.err


def test_a_secret_that_nobody_named_stops_the_backup(installation: Installation, tmp_path: Path) -> None:
    secrets = shutil.copytree(installation.secrets, tmp_path / "secrets")
    (secrets / "novelty").write_text("x")
    settings = installation.configure(secrets=str(secrets), recipients=[installation.recipient])

    told = installation.s4("create", "--to", tmp_path / "b", settings=settings)

    assert "secret-not-in-inventory file=novelty" in told.err


def test_nothing_of_a_backup_can_be_read_without_the_key(installation: Installation, backup: Path) -> None:
    files = {file.name: file.read_bytes() for file in backup.rglob("*") if file.is_file()}
    secret = (installation.secrets / "stripe-secret-key").read_bytes()

    assert len(files) == 9
    assert not any(secret in text or b"PGDMP" in text for text in files.values())
    sealed = {name: text for name, text in files.items() if name not in {NAME, SIGNATURE}}
    assert all(text.startswith(b"age-encryption.org/v1") for text in sealed.values())


def test_a_whole_backup_is_found_whole(installation: Installation, backups: Path) -> None:
    told = installation.s4("verify", "--from", backups, "--deep", "--identity", installation.identity)

    assert told.status == 0, told.err
    assert "is whole, and can be read" in told.out


async def test_no_database_has_heard_of_what_its_owner_does_not_tell_of(installation: Installation) -> None:
    server, stop, ids = Server(Secret(installation.cluster.url())), asyncio.Event(), []

    async def work() -> None:
        tells, hears = await installation.connect("notifier"), await installation.connect("support")
        while not stop.is_set():
            ids.append(uuid.uuid4())
            await tells.execute("insert into outbox (id, type, body, headers) values ($1, 'x', '{}', '{}')", ids[-1])
            await hears.execute("insert into inbox (id) values ($1)", ids[-1])
        await tells.execute("delete from outbox")
        await hears.execute("delete from inbox")
        await tells.close()
        await hears.close()

    async with asyncio.TaskGroup() as group:
        group.create_task(work())
        for _ in range(10):
            async with cut(server, ["support", "notifier"]) as moment:
                told = await seen(installation, "notifier", moment.snapshots["notifier"], "outbox")
                heard = await seen(installation, "support", moment.snapshots["support"], "inbox")
                assert heard <= told
        stop.set()
    assert len(ids) > 10


async def seen(installation: Installation, database: str, snapshot: str, table: str) -> set[str]:
    """What a dump of this snapshot would hold."""
    connection = await installation.connect(database)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute(f"set transaction snapshot '{snapshot}'")
            return {str(row["id"]) for row in await connection.fetch(f"select id from {table}")}  # noqa: S608  ours
    finally:
        await connection.close()
