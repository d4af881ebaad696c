import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def tracked() -> list[Path]:
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.splitlines() if (ROOT / name).is_file()]


def test_the_pins_hold_no_address_and_every_one_is_exact_and_hashed() -> None:
    for path in [*(ROOT / "requirements").glob("*.txt"), *(ROOT / "libs/node").glob("requirements*.txt")]:
        text = path.read_text()
        assert "://" not in text, path
        pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert pins, path
        assert [line for line in pins if "==" not in line] == [], path
        assert text.count("--hash=") >= len(pins), path


def test_no_machine_path_stands_in_the_repository() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.suffix in {".py", ".md", ".toml", ".txt", ".sh", ".json", ".sql", ".html", ""}
        and re.search(r"/(?:root|work|home/[a-z]+)/", path.read_text(errors="ignore"))
        and path != Path(__file__)
    ]
    assert found == []


def test_files_are_small_and_of_our_own() -> None:
    large = [str(path.relative_to(ROOT)) for path in tracked() if path.stat().st_size > 400_000]
    assert large == []
