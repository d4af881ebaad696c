"""A backup is ours when our key signed its manifest: whoever may only write to the place cannot make one."""

import base64
import json
import shutil
from pathlib import Path

import pytest

from s4_ops.backup.manifest import NAME
from s4_ops.backup.signatures import NAME as SIGNATURE
from support.backed_up import Installation

WORDS = ("--force",)


def refusal(installation: Installation, backups: Path, *more: object, settings: Path | None = None) -> str:
    words = ("--from", backups, "--identity", installation.identity, *WORDS, *more)
    told = installation.s4("restore", *words, settings=settings)
    assert told.status == 1, told.out
    assert "Traceback" not in told.err
    return told.err.splitlines()[-1]


def takes(installation: Installation, backups: Path, *more: object, settings: Path | None = None) -> bool:
    words = ("--from", backups, "--identity", installation.identity, *WORDS, *more)
    told = installation.s4("restore", *words, settings=settings)
    return told.status == 0 and "is whole and can be read" in told.out


def signer_in(settings: Path) -> str:
    (only,) = json.loads(settings.read_text())["signers"]
    return str(only)


def a_forgery(installation: Installation, to: Path, **settings: object) -> Path:
    """Somebody who knows the public key of encryption, and may write there, makes a backup of his own."""
    backup = installation.create(to, installation.configure(**settings))
    return to / backup


def test_a_backup_that_we_made_is_taken(installation: Installation, backups: Path) -> None:
    assert takes(installation, backups)
    assert installation.s4("verify", "--from", backups).status == 0


def test_a_backup_that_nobody_signed_is_refused_unless_it_is_asked_for(
    installation: Installation, tmp_path: Path
) -> None:
    a_forgery(installation, tmp_path / "b", signing_key_file=None)

    assert "backup-unsigned" in refusal(installation, tmp_path / "b")
    assert "backup-unsigned" in installation.s4("verify", "--from", tmp_path / "b").err
    assert takes(installation, tmp_path / "b", "--accept-unsigned")


def test_a_backup_that_another_key_signed_is_refused_whatever_is_asked_for(
    installation: Installation, tmp_path: Path
) -> None:
    made = installation.s4("keygen", tmp_path / "theirs", "--json")
    theirs = str(made.facts["signer"])
    a_forgery(installation, tmp_path / "b", signing_key_file=str(tmp_path / "theirs"))

    assert "backup-signed-by-another-key" in refusal(installation, tmp_path / "b")
    assert "backup-signed-by-another-key" in refusal(installation, tmp_path / "b", "--accept-unsigned")
    assert takes(installation, tmp_path / "b", "--signer", theirs)
    both = ("--signer", theirs, "--signer", signer_in(installation.settings))
    assert takes(installation, tmp_path / "b", *both), "while a key is replaced both are good"


@pytest.mark.parametrize("fact", ["taken_at", "pieces", "deployment", "databases"])
def test_a_manifest_in_which_anything_was_changed_is_refused(
    installation: Installation, backups: Path, backup: Path, fact: str
) -> None:
    told = json.loads((backup / NAME).read_text())
    changed = {
        "taken_at": "2020-01-01T00:00:00Z",
        "pieces": [*told["pieces"][1:], told["pieces"][0]],
        "deployment": "another",
        "databases": {},
    }
    (backup / NAME).write_text(json.dumps(told | {fact: changed[fact]}))

    assert "backup-signed-by-another-key" in refusal(installation, backups, "--accept-unsigned")


def test_an_old_backup_cannot_take_a_later_ones_place(installation: Installation, backups: Path, backup: Path) -> None:
    later = backups / f"20990101T000000Z-{backup.name.partition('-')[2]}"
    shutil.copytree(backup, later)

    assert "backup-manifest-of-another" in refusal(installation, backups, "--id", later.name)


@pytest.mark.parametrize("text", [b"", b"nothing", base64.b64encode(b"x" * 64), b"\xff\xfe"])
def test_what_is_no_signature_is_refused(installation: Installation, backups: Path, backup: Path, text: bytes) -> None:
    (backup / SIGNATURE).write_bytes(text)

    assert "backup-signed-by-another-key" in refusal(installation, backups)


def test_who_knows_no_signer_is_asked_for_one(installation: Installation, backups: Path) -> None:
    nobody = installation.configure(signers=[])

    assert "no-signers-known" in refusal(installation, backups, settings=nobody)
    assert takes(installation, backups, "--signer", signer_in(installation.settings), settings=nobody)
    assert "signer-unreadable" in refusal(installation, backups, "--signer", "ed25519:nonsense")


def test_a_key_that_is_none_stops_the_backup_before_anything_is_written(
    installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("no key")
    for file in (tmp_path / "key", tmp_path / "nowhere"):
        told = installation.configure(signing_key_file=str(file))
        words = ("--to", tmp_path / "b", "--recipient", installation.recipient)
        assert "backup-signing-key-unreadable" in installation.s4("create", *words, settings=told).err
    assert not (tmp_path / "b").exists()


def test_an_unsigned_backup_says_so_when_it_is_made(installation: Installation, tmp_path: Path) -> None:
    words = ("--to", tmp_path / "b", "--recipient", installation.recipient)

    assert "UNSIGNED" in installation.s4("create", *words, settings=installation.configure(signing_key_file=None)).out
    assert "UNSIGNED" not in installation.s4("create", *words).out


def test_forgeries_push_no_backup_of_ours_out(installation: Installation, backups: Path, backup: Path) -> None:
    forged = a_forgery(installation, backups, signing_key_file=None)
    keep = ("--keep-days", 1, "--keep-weeks", 1, "--keep-months", 1, "--yes")

    told = installation.s4("prune", "--from", backups, *keep)

    assert backup.is_dir()
    assert f"{forged.name}  is kept and counts for nothing: backup-unsigned" in told.out


def test_a_key_is_made_for_its_owner_alone_and_never_over_another(installation: Installation, tmp_path: Path) -> None:
    assert installation.s4("keygen", tmp_path / "key").status == 0
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    assert "key-exists" in installation.s4("keygen", tmp_path / "key").err
