"""The documentation builds without a warning: no dead link, no page that nothing leads to."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def build(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", str(source), str(target)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    done = build(ROOT / "docs", tmp_path / "pages")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "pages" / "index.html").exists()


def test_a_dead_link_is_an_error(tmp_path: Path) -> None:
    source = tmp_path / "docs"
    source.mkdir()
    (source / "conf.py").write_text((ROOT / "docs" / "conf.py").read_text(encoding="utf-8"), encoding="utf-8")
    (source / "index.md").write_text("# One\n\n[Nowhere](nowhere.md)\n", encoding="utf-8")
    done = build(source, tmp_path / "pages")
    assert done.returncode != 0
    assert "nowhere" in done.stderr
