"""Two releases of the services: what is in the clone, and a later one with more columns."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from s4_shop.wiring import SERVICES

ROOT = Path(__file__).parents[3]
ADDED = "release_note"  # the column that only the later release knows


@dataclass(frozen=True)
class Release:
    """`folder` is where its services' packages are; without it, those of the clone run."""

    revision: str
    folder: Path | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What tells a process which release it is of."""
        return {"S4_REVISION": self.revision} | ({"PYTHONPATH": str(self.folder)} if self.folder else {})

    def argv(self, service: str, command: str) -> list[str]:
        return [sys.executable, "-m", f"s4_{service}", command]


def later(folder: Path, revision: str) -> Release:
    """The code of this clone with one more migration of each service, which only adds, as releases' do."""
    folder.mkdir(parents=True)
    for service in SERVICES:
        (home,) = (at for at in (ROOT / "services" / service, ROOT / "libs" / service) if at.is_dir())
        package = folder / f"s4_{service}"
        shutil.copytree(home / "src" / package.name, package, ignore=shutil.ignore_patterns("__pycache__"))
        number = max(int(path.name[:4]) for path in (package / "migrations").glob("*.sql")) + 1
        sql = f"alter table outbox add column {ADDED} text;{os.linesep}"
        (package / "migrations" / f"{number:04}_{ADDED}.sql").write_text(sql, encoding="utf-8")
    return Release(revision, folder)
