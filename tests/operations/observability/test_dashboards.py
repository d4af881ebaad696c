"""Dashboards: generated, complete, and made of metrics that there are."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.promql import metrics_in
from support.tools import tool

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "k8s" / "observability" / "dashboards"
NAMES = ["billing", "bus", "fleet", "letters", "overview", "services"]


def board(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def test_the_dashboards_are_the_committed_ones() -> None:
    """Run ``make schema`` after a change of tools/dashboards.py."""
    wanted = tool("dashboards").files()
    there = {str(path.relative_to(ROOT)): path.read_text() for path in FOLDER.iterdir()}
    assert there == wanted
    assert sorted(path.stem for path in FOLDER.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_grafana_finds_all_that_it_needs(name: str) -> None:
    found = board(name)
    assert found["uid"] == f"s4-{name}"
    assert found["schemaVersion"] >= 38
    assert found["title"].startswith("S4: ")
    panels = found["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        if panel["type"] != "row":
            assert panel["targets"]
            assert panel["datasource"]["uid"] == "prometheus"
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@pytest.mark.parametrize("name", NAMES)
def test_no_panel_lies_on_another(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board(name)["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        taken |= cells


def test_every_metric_of_a_panel_is_told_by_our_code() -> None:
    recorded = set()
    for _name, text in tool("observability").files():
        recorded |= {line.split("record: ")[1].strip() for line in text.splitlines() if "record: " in line}
    known = tool("metrics_reference").series() | recorded | {"up", "ALERTS"}
    asked = {
        metric
        for name in NAMES
        for panel in board(name)["panels"]
        for target in panel.get("targets", ())
        for metric in metrics_in(target["expr"])
    }
    assert len(asked) > 50
    assert asked - known == set()


def test_the_funnel_has_every_step_of_a_customers_way() -> None:
    exprs = [target["expr"] for panel in board("overview")["panels"] for target in panel.get("targets", ())]
    assert any("s4:funnel" in expr for expr in exprs)
    assert any("paid_to_furl" in expr for expr in exprs)
