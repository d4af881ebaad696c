import re
from pathlib import Path

import pytest

from s4_contracts import EVENTS

ROOT = Path(__file__).parents[2]
FLOWS = sorted((ROOT / "docs/flows").glob("*.md"))
MOST_FILES, MOST_LINES = 11, 1300


@pytest.mark.parametrize("flow", FLOWS, ids=lambda path: path.stem)
def test_a_flow_can_be_followed_through_few_files_that_exist(flow: Path) -> None:
    rows = re.findall(r"^\| (\d+) \| `([^`]+)` \|", flow.read_text(), flags=re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, len(rows) + 1))
    assert 0 < len(rows) <= MOST_FILES
    files = [ROOT / name for _, name in rows]
    assert [str(path) for path in files if not path.is_file()] == []
    assert sum(len(path.read_text().splitlines()) for path in files) <= MOST_LINES
    for service in ("web", "billing", "provisioner", "notifier"):
        assert sum(f"services/{service}/" in name for _, name in rows) <= 3


@pytest.mark.parametrize("flow", FLOWS, ids=lambda path: path.stem)
def test_a_flow_names_events_that_exist(flow: Path) -> None:
    known = {event.__name__ for event in EVENTS}
    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`", flow.read_text()))
    assert named
    assert named <= known


def test_every_linked_page_of_the_documentation_exists() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("libs/*/README.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []
