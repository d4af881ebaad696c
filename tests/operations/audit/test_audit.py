"""What operators did with commands that no service carries out is on record."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from s4_ops.audit import Audited, audit_file, audited, operator, recorded
from s4_runtime import Permanent
from s4_runtime.testing import ManualClock

_DEEDS = 12


def deed(file: Path, *, note: str = "the new release") -> Audited:
    environ = {"S4_AUDIT_FILE": str(file), "S4_OPERATOR": "ada"}
    return audited("deploy", what="staging", note=note, environ=environ, clock=ManualClock())


def test_a_deed_is_on_record_before_it_begins_and_after_it_ended(tmp_path: Path) -> None:
    file = tmp_path / "state" / "audit.jsonl"
    with deed(file) as began:
        (line,) = recorded(file)
        assert (line["outcome"], line["who"], line["what"]) == ("began", "ada", "staging")
        began.learned(services=6)
    first, last = recorded(file)
    assert (last["outcome"], last["services"], last["note"]) == ("done", 6, "the new release")
    assert first["deed"] == last["deed"]
    assert last["at"] == "2026-01-01T00:00:00+00:00"


def test_a_failed_deed_says_its_code_and_no_more(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    with pytest.raises(Permanent), deed(file):
        raise Permanent("unsigned-image", image="s4-web")
    with pytest.raises(ValueError, match="pb://secret"), deed(file):
        raise ValueError("pb://secret")
    assert [line.get("code") for line in recorded(file)] == [None, "unsigned-image", None, "ValueError"]
    assert "pb://" not in file.read_text()


def test_a_command_that_ends_the_process_well_is_done(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    with pytest.raises(SystemExit), deed(file):
        raise SystemExit(0)
    assert recorded(file)[-1]["outcome"] == "done"


def test_secrets_in_a_note_are_taken_out(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    with deed(file, note="asked by ada@example.com with sk_live_0123456789abcdef"):
        pass
    assert "example.com" not in file.read_text()
    assert "sk_live" not in file.read_text()


def test_nothing_is_done_that_cannot_be_written_down(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    done = []
    with pytest.raises(Permanent, match="audit-not-writable"), deed(tmp_path / "file" / "audit.jsonl"):
        done.append("a deed")
    assert not done


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_text('{"outcome": "began", "who": "ada"}\n{"outcome": "do')
    with deed(file):
        pass
    assert [line["outcome"] for line in recorded(file)] == ["began", "began", "done"]
    for line in file.read_text().splitlines()[2:]:
        json.loads(line)


def test_only_the_operator_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "state" / "audit.jsonl"
    with deed(file):
        pass
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_several_writers_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"

    def write(number: int) -> None:
        with deed(file, note=f"{number} " + "x" * 5000):
            pass

    with ThreadPoolExecutor(4) as writers:
        list(writers.map(write, range(_DEEDS)))
    assert len(recorded(file)) == 2 * _DEEDS == len(file.read_text().splitlines())


def test_where_it_is_and_who_writes_can_be_said(tmp_path: Path) -> None:
    assert audit_file({"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "s4" / "audit.jsonl"
    assert audit_file({}).is_relative_to(Path.home())
    assert operator({"S4_OPERATOR": "ada"}) == "ada"
    assert operator({})
    assert recorded(tmp_path / "none") == []
