"""What a terminal shows of rows."""

import pytest

from s4_cli.tables import Row, cell, done, facts, moments, size, table


def test_a_table_has_its_columns_names_and_a_line_for_each_row() -> None:
    rows: list[Row] = [{"id": "a", "stored": 1}, {"id": "bcd", "stored": None}]
    text = table(rows, grid="id", held=lambda row: row["stored"], last_seen="nothing")
    assert text.splitlines() == ["grid  held  last seen", "a     1     -", "bcd   -     -"]


def test_no_rows_are_said_to_be_none() -> None:
    assert table([], grid="id") == "nothing"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        ("", "-"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        ([], "-"),
        (["ada", "bea"], "ada,bea"),
        ("2026-11-22T12:30:05.123456Z", "2026-11-22 12:30:05"),
        ("2026-11-2XT12:30:05.123456Z", "2026-11-2XT12:30:05.123456Z"),
        ("s4-node-*", "s4-node-*"),
    ],
)
def test_values_are_shown_in_a_few_signs(value: object, shown: str) -> None:
    assert cell(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (10**12, "931.3 GiB"), (10**16, "9094.9 TiB")],
)
def test_bytes_are_shown_for_a_person(value: object, shown: str) -> None:
    assert size(value) == shown


def test_facts_leave_out_what_there_is_not() -> None:
    assert facts({"id": "a", "reason": None, "grids": 0, "hosts": []}).splitlines() == ["id     a", "grids  0"]


def test_a_moment_is_a_line_with_what_is_known_of_it() -> None:
    told = {"at": "2026-11-22T12:30:05Z", "what": "operator", "who": "ada", "facts": {"note": "why"}, "code": None}
    assert moments([told]) == "2026-11-22 12:30:05  operator     who=ada note=why"


def test_what_would_be_done_is_shown_with_the_way_to_have_it_done() -> None:
    until = "2026-11-22T12:45:00Z"
    alone = done({"would": {"grid": "g"}, "confirm": "abcd", "until": until, "by_another": False})
    assert alone.splitlines()[1] == "grid  g"
    assert "you have it done by the same command with --confirm abcd" in alone
    assert "ANOTHER operator has it done" in done({"would": {}, "confirm": "x", "until": until, "by_another": True})
    assert "--confirm" not in done({"would": {"grid": "g"}})
    assert done({"grid": "g", "stage": "node"}) == "grid   g\nstage  node"
