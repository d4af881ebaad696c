"""The local audit as an operator reads it."""

import json
from pathlib import Path

import pytest

from s4_cli.__main__ import main
from s4_ops.audit import audited


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("S4_AUDIT_FILE", str(tmp_path / "audit.jsonl"))
    return tmp_path / "audit.jsonl"


def test_each_deed_is_one_line_with_how_it_ended(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"S4_AUDIT_FILE": str(file), "S4_OPERATOR": "ada"}
    with audited("deploy", what="staging 4f2a", note="the release", environ=environ) as deed:
        deed.learned(services=6)
    audited("cluster", what="delete", note="over", environ=environ).__enter__()
    assert main(["audit", "--json"]) == 0
    killed, done = json.loads(capsys.readouterr().out)["audit"]
    assert (killed["outcome"], killed["command"]) == ("began", "cluster")
    assert (done["outcome"], done["services"], done["who"]) == ("done", 6, "ada")
    assert main(["audit", "--limit", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[2:5] == ["ada", "cluster", "delete"]


def test_nothing_done_is_nothing_shown(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit"]) == 0
    assert capsys.readouterr().out == "nothing\n"
