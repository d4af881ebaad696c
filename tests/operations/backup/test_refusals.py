"""What is no whole backup of this installation, or would replace something, is refused, and nothing is changed."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest

from s4_ops.backup.manifest import NAME
from s4_ops.backup.signatures import NAME as SIGNATURE
from support.backed_up import Installation


@pytest.fixture(autouse=True)
def nothing_changes(installation: Installation) -> Iterator[None]:
    """No database came, went or was renamed, and no secret is another."""
    before = installation.databases(), {each: each.read_text() for each in installation.secrets.iterdir()}
    yield
    assert (installation.databases(), {each: each.read_text() for each in installation.secrets.iterdir()}) == before


def refusal(installation: Installation, backups: Path, *more: object, settings: Path | None = None) -> str:
    """What a restore into this installation says."""
    words = ("--from", backups, "--identity", installation.identity, "--yes", "--accept-unsigned", *more)
    told = installation.s4("restore", *words, settings=settings)
    assert told.status in (1, 75)
    assert "Traceback" not in told.err
    return told.err.splitlines()[-1]


def change(backup: Path, **facts: object) -> None:
    """The manifest says something else."""
    file = backup / NAME
    file.write_text(json.dumps(json.loads(file.read_text()) | facts))
    (backup / SIGNATURE).unlink()


def test_another_key_opens_nothing(installation: Installation, backups: Path, tmp_path: Path) -> None:
    another = tmp_path / "another"
    another.write_text(str(pyrage.x25519.Identity.generate()))

    assert "backup-of-another-key" in refusal(installation, backups, "--identity", another)


def test_a_file_that_is_no_key_is_refused(installation: Installation, backups: Path, tmp_path: Path) -> None:
    (tmp_path / "none").write_text("nothing")

    assert "identity-unreadable" in refusal(installation, backups, "--identity", tmp_path / "none")


@pytest.mark.parametrize("left", [0, 50, 1000])
def test_a_piece_that_was_cut_off_is_damaged(
    installation: Installation, backups: Path, backup: Path, left: int
) -> None:
    piece = backup / "databases" / "web.dump.age"
    piece.write_bytes(piece.read_bytes()[:left])

    assert "backup-damaged piece=databases/web.dump.age" in refusal(installation, backups)
    assert "backup-damaged" in installation.s4("verify", "--from", backups).err


def test_one_wrong_bit_is_found(installation: Installation, backups: Path, backup: Path) -> None:
    piece = backup / "secrets" / "files.json.age"
    text = bytearray(piece.read_bytes())
    text[-20] ^= 1
    piece.write_bytes(text)

    assert "backup-damaged piece=secrets/files.json.age" in refusal(installation, backups)


def test_a_piece_of_the_same_key_in_the_place_of_another_is_damaged(
    installation: Installation, backups: Path, backup: Path
) -> None:
    (backup / "databases" / "web.dump.age").write_bytes((backup / "databases" / "billing.dump.age").read_bytes())

    assert "backup-damaged" in refusal(installation, backups)


def test_a_missing_piece_is_named(installation: Installation, backups: Path, backup: Path) -> None:
    (backup / "databases" / "support.dump.age").unlink()

    assert "backup-lacks-piece" in refusal(installation, backups)


def test_what_was_never_finished_is_no_backup(installation: Installation, backups: Path, backup: Path) -> None:
    (backup / NAME).unlink()

    assert "backup-unfinished" in refusal(installation, backups, "--id", backup.name)
    assert "no-backup-there" in refusal(installation, backups)
    assert "UNFINISHED" in installation.s4("list", "--from", backups).out


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"version": 2, "novelty": True}, "backup-is-of-newer-release"),
        ({"version": "1"}, "backup-manifest-unreadable"),
        ({"id": "20260101T000000Z-00000000"}, "backup-manifest-of-another"),
        ({"pieces": [{"name": "../x", "size": 1, "sha256": "", "plain_size": 1, "plain_sha256": ""}]}, "of-another"),
        ({"deployment": "staging"}, "backup-of-another-deployment backup=staging here=local"),
    ],
    ids=["newer", "unreadable", "another", "outside", "deployment"],
)
def test_a_manifest_that_does_not_fit_is_refused(
    installation: Installation, backups: Path, backup: Path, facts: dict[str, object], code: str
) -> None:
    change(backup, **facts)

    assert code in refusal(installation, backups, "--id", backup.name)


def test_rows_of_a_newer_release_are_refused(installation: Installation, backups: Path, backup: Path) -> None:
    databases = json.loads((backup / NAME).read_text())["databases"]
    databases["web"]["migrations"]["s4_web/9999_newer.sql"] = "0"
    change(backup, databases=databases)

    assert "backup-is-of-newer-release" in refusal(installation, backups, "--force")


def test_a_target_that_holds_something_is_not_replaced(installation: Installation, backups: Path) -> None:
    assert "target-not-empty database=billing table=outbox" in refusal(installation, backups)


async def test_a_target_with_services_is_not_replaced_by_force_either(
    installation: Installation, backups: Path
) -> None:
    service = await installation.connect("notifier")
    try:
        said = await asyncio.to_thread(refusal, installation, backups, "--force")
    finally:
        await service.close()
    assert "database-in-use database=notifier" in said


def test_without_a_yes_it_only_says_what_it_would_do(installation: Installation, backups: Path) -> None:
    told = installation.s4("restore", "--from", backups, "--identity", installation.identity, "--force")

    assert told.status == 0
    assert "restore the database provisioner" in told.out
    assert "would be set aside, not dropped (it holds outbox)" in told.out
    assert "nothing is done yet" in told.out
