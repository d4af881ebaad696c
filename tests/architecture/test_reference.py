from pathlib import Path

from s4_provisioner import lifecycle as grids
from s4_provisioner.fleet import lifecycle as hosts
from support.tools import tool

ROOT = Path(__file__).parents[2]


def test_the_page_of_settings_is_the_committed_one() -> None:
    """Run ``make schema`` after a change of settings."""
    assert (ROOT / "docs/reference/settings.md").read_text() == tool("settings_reference").page()


def test_no_default_of_a_secret_is_printed() -> None:
    rows = [line for line in tool("settings_reference").page().splitlines() if "| secret |" in line]
    assert rows
    assert all(row.endswith(("| required |", "| none |")) for row in rows)


def test_the_drawings_of_grids_and_hosts_lives_are_the_committed_ones() -> None:
    """Run ``make schema`` after a change of stages."""
    assert (ROOT / "docs/reference/grid-life.svg").read_text() == tool("life_map").grid_life()
    assert (ROOT / "docs/reference/host-life.svg").read_text() == tool("life_map").host_life()


def test_every_stage_and_every_way_on_is_drawn() -> None:
    drawn = tool("life_map").grid_life() + tool("life_map").host_life()
    for table in (grids.UP, grids.DOWN, hosts.UP, hosts.DOWN):
        for stage, following in table.items():
            assert f"<title>{stage.value} to {following.value}</title>" in drawn


def test_the_drawing_of_a_subscription_is_the_committed_one() -> None:
    """Run ``make schema`` after a change of states."""
    assert (ROOT / "docs/reference/subscription.svg").read_text() == tool("subscription_map").drawing()
