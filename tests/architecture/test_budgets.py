"""The budgets of how our code reads. What may break one stands, with its reason, in exceptions.toml."""

import ast
import re
import statistics
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXCEPTIONS = tomllib.loads((Path(__file__).parent / "exceptions.toml").read_text())
SERVICE_LINES = {"web": 1500, "billing": 1500, "notifier": 1500, "provisioner": 2500} | EXCEPTIONS["service_lines"]
# The local cloud and the local run: tools of ours, which every journey uses.
TOOLS = ("devcloud", "shop")


def sources() -> list[Path]:
    return sorted(path for top in ("services", "libs") for path in (ROOT / top).glob("*/src/**/*.py"))


def written_tests() -> list[Path]:
    return sorted([*(ROOT / "tests").rglob("*.py"), *(ROOT / "libs").glob("*/tests/**/*.py")])


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path.relative_to(ROOT)}::{node.name}", (node.end_lineno or 0) - node.lineno + 1


def test_modules_are_small() -> None:
    sizes = {str(path.relative_to(ROOT)): lines(path) for path in sources()}
    filled = [size for size in sizes.values() if size > 3]
    assert statistics.median(filled) <= 120
    too_long = {name: size for name, size in sizes.items() if size > 400 and name not in EXCEPTIONS["long_modules"]}
    assert too_long == {}


def test_functions_are_small() -> None:
    sizes = dict(found for path in sources() for found in functions(path))
    too_long = {name: size for name, size in sizes.items() if size > 60 and name not in EXCEPTIONS["long_functions"]}
    assert too_long == {}
    assert statistics.quantiles(sizes.values(), n=20)[-1] <= 40


def test_mains_are_wiring() -> None:
    assert {str(p.relative_to(ROOT)): lines(p) for p in sources() if p.name == "__main__.py" and lines(p) > 60} == {}


@pytest.mark.parametrize(("service", "budget"), SERVICE_LINES.items())
def test_a_service_can_be_read_in_an_afternoon(service: str, budget: int) -> None:
    assert sum(lines(path) for path in (ROOT / "services" / service / "src").rglob("*.py")) <= budget


def handlers() -> Iterator[tuple[str, int]]:
    """Coroutines that are given an event and the open transaction."""
    for path in (ROOT / "services").glob("*/src/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.AsyncFunctionDef) and [a.arg for a in node.args.args][-2:] == ["event", "tx"]:
                body = node.body[1:] if ast.get_docstring(node) else node.body
                last = node.body[-1].end_lineno or 0
                yield f"{path.relative_to(ROOT)}::{node.name}", last - body[0].lineno + 1 if body else 0


def test_handlers_only_record_a_wish() -> None:
    found = dict(handlers())
    assert len(found) >= 8
    assert {name: size for name, size in found.items() if size > 15} == {}


def is_of_tools(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return parts[1] in TOOLS


def test_there_is_as_much_test_as_code() -> None:
    code = sum(lines(path) for path in sources() if not is_of_tools(path))
    assert 1.2 <= sum(lines(path) for path in written_tests() if not is_of_tools(path)) / code <= 2.0


def test_the_tools_of_development_are_tested_too() -> None:
    code = sum(lines(path) for path in sources() if is_of_tools(path))
    assert (
        sum(lines(path) for path in written_tests() if is_of_tools(path)) / code >= EXCEPTIONS["tools_ratio"]["least"]
    )


AMBIENT = re.compile(r"datetime\.now\(|datetime\.utcnow\(|os\.environ|os\.getenv|\btime\.time\(")
SILENCED = re.compile(r"#\s*(noqa(?!: [A-Z]+\d+(, [A-Z]+\d+)*  \S)|type: ignore(?!\[[a-z-]+(, ?[a-z-]+)*\]  # \S))")


def test_every_silenced_check_has_a_code_and_a_reason() -> None:
    """``# noqa: CODE  reason`` and ``# type: ignore[code]  # reason``."""
    bad = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in [*sources(), *written_tests()]
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if SILENCED.search(line) and path != Path(__file__)
    ]
    assert bad == []


BROAD = {"run.py", "consume.py", "converge.py", "http.py"}


def test_broad_excepts_stand_only_where_a_loop_or_a_door_must_survive() -> None:
    found = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler):
                names = ast.unparse(node.type) if node.type else "bare"
                reraised = any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node))
                if names in {"bare", "Exception", "BaseException"} and not reraised and path.name not in BROAD:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []


def test_nothing_asks_for_the_time_or_the_environment_away_from_the_edge() -> None:
    # probe.py hands some of its own environment to its child process.
    edges = {"__main__.py", "probe.py", "clock.py", "command.py", "settings.py", "testing.py"}
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in (ROOT / "services").glob("*/src/**/*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if path.name not in edges and AMBIENT.search(line)
    ]
    assert found == []
