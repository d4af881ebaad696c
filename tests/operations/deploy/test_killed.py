"""A deployment that is killed as a power cut does it: its lease stays, and keeps others out until it runs out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from s4_cli.__main__ import main
from s4_ops.deploy.kubectl import Kubectl
from support.installation import Installation

pytestmark = pytest.mark.long


def words_of(installation: Installation, release: Path) -> list[str]:
    public = installation.folder / "release.pub"
    public.write_text(installation.key.public.pem)
    here = ["--registry", str(installation.place), "--repository", str(installation.repository.folder)]
    return ["deploy", "staging", "--release", str(release), *here, "--public-key", str(public), "--unwatched"]


def code(words: list[str], told: pytest.CaptureFixture[str]) -> str:
    """Of what would be done now."""
    told.readouterr()
    assert main(words) == 0
    return told.readouterr().out.split("--confirm ")[1].split()[0]


def test_what_was_killed_keeps_others_out_for_a_while_and_is_then_finished(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    words = words_of(installation, installation.released("one"))
    confirmed = [*words, "--note", "a test", "--confirm", code(words, capsys)]
    command = [sys.executable, "-u", "-m", "s4_cli", *confirmed]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stdout is not None
        assert any("billing: is replaced" in line for line in process.stdout)
        process.kill()

    again = [*words, "--note", "a test", "--confirm", code(words, capsys)]
    assert main(again) == 1
    assert "deploy-running" in capsys.readouterr().err

    kubectl = Kubectl("s4-staging")
    lease = kubectl.get("lease", "s4-deploy")
    assert lease
    lease["spec"]["renewTime"] = "2026-01-01T00:00:00.000000Z"
    assert kubectl.replace(lease)
    assert main(again) == 0
    assert installation.running()["web"] == installation.image(installation.folder / "one.json", "web")
    assert [record.state for record in installation.site().records.all()] == ["done"]
