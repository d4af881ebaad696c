"""The model of capacity says what its page says, and what is obvious about it is so."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "operations" / "capacity.md"
MODEL = runpy.run_path(str(ROOT / "tools" / "capacity_model.py"))


def test_the_page_has_the_tables_of_the_model() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert MODEL["written"](text) == text


@pytest.mark.parametrize("customers", [1, 2_000, 2_001, 1_000_000])
def test_no_host_has_more_grids_than_it_may_and_one_may_be_lost(customers: int) -> None:
    hosts = MODEL["shared_hosts"](customers)
    assert hosts >= 2
    assert customers / hosts <= 2_000


def test_a_table_that_was_changed_by_hand_is_written_anew() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert MODEL["written"](text.replace("| customers |", "| people |")) == text
