"""An operator at work with `s4 cluster`, in a folder of their own."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from s4_cli.__main__ import main


class Desk:
    """An operator at work in a folder of their own. ``label``: what this test's buckets begin with."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str], label: str) -> None:
        self.folder, self._capfd, self.label = folder, capfd, label
        self.kops, self.kubectl = folder / "kops", folder / "kubectl"

    def s4(self, *words: str) -> tuple[int, str]:
        """Exit status and everything that was printed."""
        self._capfd.readouterr()
        status = main(["cluster", *words])
        printed = self._capfd.readouterr()
        return status, printed.out + printed.err

    def done(self, *words: str) -> str:
        """What was printed by a command that must succeed."""
        status, text = self.s4(*words, "--yes", "--note", "a trial")
        assert status == 0, text
        return text

    def change(self, environment: str, **fields: Any) -> None:
        """The spec says something else."""
        path = self.folder / "ops" / "clusters" / f"{environment}.yaml"
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | fields, sort_keys=False))

    def events(self) -> list[str]:
        """What really changed at the stand-in's AWS, in order."""
        path = self.kops / "events"
        return path.read_text().splitlines() if path.exists() else []

    def fail_at(self, *names: str) -> None:
        """kops is killed once in each of these."""
        (self.kops / "fail").write_text("\n".join(names))

    def cluster_has(self, **lists: list[dict[str, Any]]) -> None:
        """What kubectl finds, beside what it found before."""
        path = self.kubectl / "objects.json"
        found = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(found | lists))
