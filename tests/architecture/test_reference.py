from pathlib import Path

from support.tools import tool

ROOT = Path(__file__).parents[2]


def test_the_page_of_settings_is_the_committed_one() -> None:
    """Run ``make schema`` after a change of settings."""
    assert (ROOT / "docs/reference/settings.md").read_text() == tool("settings_reference").page()


def test_no_default_of_a_secret_is_printed() -> None:
    rows = [line for line in tool("settings_reference").page().splitlines() if "| secret |" in line]
    assert rows
    assert all(row.endswith(("| required |", "| none |")) for row in rows)


def test_the_drawing_of_a_subscription_is_the_committed_one() -> None:
    """Run ``make schema`` after a change of states."""
    assert (ROOT / "docs/reference/subscription.svg").read_text() == tool("subscription_map").drawing()
