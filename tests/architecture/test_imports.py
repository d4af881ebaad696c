import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_import_contracts_are_kept() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "0 broken" in run.stdout


def test_the_names_of_no_double_stand_in_a_service() -> None:
    words = re.compile(r"moto|devcloud|\bdouble\b|if testing|is_test|TEST_MODE|pytest", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for top in ("services/*", "libs/bus", "libs/store", "libs/runtime", "libs/contracts", "libs/aws")
        for path in ROOT.glob(f"{top}/src/**/*.py")
        if path.name != "testing.py"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if words.search(line)
    ]
    assert found == []
