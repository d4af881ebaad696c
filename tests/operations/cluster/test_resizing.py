"""`s4 cluster resize`."""

from pathlib import Path

import pytest
import yaml

from s4_ops.cluster.resize import edited
from s4_runtime import Permanent
from support.cluster_desk import Desk

pytestmark = pytest.mark.long  # each command starts several programs

ROOT = Path(__file__).parents[3]


def test_the_spec_says_it_and_the_cluster_has_it(standing: Desk, zone: str) -> None:
    standing.done("resize", "staging", "nodes", "--min", "4", "--max", "9")

    spec = yaml.safe_load((standing.folder / "ops/clusters/staging.yaml").read_text())
    assert (spec["groups"][0]["min"], spec["groups"][0]["max"]) == (4, 9)
    assert standing.events()[-1] == "update nodes 1.32.4 4-9"
    assert "nothing differs" in standing.s4("create", "staging")[1]
    assert zone in standing.s4("list", "staging")[1]


def test_without_yes_neither_the_file_nor_the_cluster_changes(standing: Desk) -> None:
    path, before = standing.folder / "ops/clusters/staging.yaml", standing.events()
    text = path.read_text()

    status, shown = standing.s4("resize", "staging", "nodes", "--min", "2", "--max", "3")

    assert (status, path.read_text(), standing.events()) == (0, text, before)
    assert "spec.maxSize: 6 -> 3" in shown
    assert "drained" in shown


@pytest.mark.parametrize("place", ["replace", "update"])
def test_cut_off_it_is_done_again(standing: Desk, place: str) -> None:
    standing.fail_at(place)
    words = ("resize", "staging", "nodes", "--min", "4", "--max", "9")
    assert standing.s4(*words, "--yes", "--note", "more")[0] == 1

    standing.done(*words)

    assert standing.events()[-1] == "update nodes 1.32.4 4-9"


def test_a_group_that_is_not_there_and_bounds_that_make_no_sense_are_refused(standing: Desk) -> None:
    assert (
        "no-such-group group=other has=nodes"
        in standing.s4("resize", "staging", "other", "--min", "1", "--max", "2")[1]
    )
    assert "min is above max" in standing.s4("resize", "staging", "nodes", "--min", "3", "--max", "2")[1]


def test_comments_and_other_groups_stay_as_they_were() -> None:
    text = (ROOT / "ops/clusters/production.yaml").read_text()

    found = edited(text, "state", 4, 8)

    changed = [(old, new) for old, new in zip(text.splitlines(), found.splitlines(), strict=True) if old != new]
    assert changed == [("    min: 3", "    min: 4"), ("    max: 6", "    max: 8")]
    with pytest.raises(Permanent, match="group-not-found-in-file"):
        edited(text, "other", 1, 2)
