"""One installation for all tests of backups, and one backup of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.backed_up import Installation
from support.infra import TestRun, needs_program

FACT = (
    "insert into outbox (id, type, body, headers, sent_at) values"
    " ('00000000-0000-7000-8000-0000000000aa', 'billing.signup-paid.v1', '{}', '{}', now())"
)
HEARD = "insert into inbox (id) values ('00000000-0000-7000-8000-0000000000aa')"


@pytest.fixture(scope="session")
def installation(test_run: TestRun) -> Iterator[Installation]:
    """Billing has told of something that web has heard of."""
    made = Installation(test_run.folder / "installation")
    try:
        with needs_program():
            made.up()
        made.sql("billing", FACT)
        made.sql("web", HEARD)
        yield made
    finally:
        made.down()


@pytest.fixture(scope="session")
def first_backup(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one backup; tests damage copies of it."""
    place = tmp_path_factory.mktemp("backups")
    installation.create(place)
    return place


@pytest.fixture
def backups(first_backup: Path, tmp_path: Path) -> Path:
    """A copy of the folder with one backup."""
    return Path(shutil.copytree(first_backup, tmp_path / "backups"))


@pytest.fixture
def backup(backups: Path) -> Path:
    """The one backup in it."""
    (only,) = backups.iterdir()
    return only


@pytest.fixture(autouse=True)
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What was done, on record."""
    monkeypatch.setenv("S4_AUDIT_FILE", str(tmp_path / "audit.jsonl"))
    return tmp_path / "audit.jsonl"
