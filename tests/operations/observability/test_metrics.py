"""Metrics: listed, bounded, and told by every loop."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from prometheus_client import REGISTRY

from s4_runtime import came_to
from s4_runtime.metrics import STEPS
from support.tools import tool

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = tool("metrics_reference")
PACKAGES = {
    "web": "services/web/src/s4_web",
    "billing": "services/billing/src/s4_billing",
    "provisioner": "services/provisioner/src/s4_provisioner",
    "notifier": "services/notifier/src/s4_notifier",
    "invites": "libs/invites/src/s4_invites",
    "support": "libs/support/src/s4_support",
    "all": "libs/bus/src/s4_bus",
}
# Functions with an endless loop whose success is told elsewhere, or that are no work of their own.
NOT_A_LOOP = {
    "s4_bus/connection.py::stay_connected": "s4_bus_connected tells",
    "s4_bus/consume.py::_alone": "ends with its message",
    "s4_bus/alarm.py::watch": "ends with its connection",
    "s4_bus/relay.py::_repeat": "what it repeats tells: outbox-watch, outbox-prune",
    "s4_provisioner/keeping.py::keep": "ends with its lease",
    "s4_provisioner/drivers/kubernetes.py::apply": "ends with its object",
    "s4_invites/session.py::run": "ends with its invite",
    "s4_invites/session.py::_moves": "ends with its invite",
    "s4_web/owner/exports.py::as_csv": "ends with its file",
    "s4_provisioner/health/run.py::repeat": "tells under the name that it is given",
}


def test_the_page_of_metrics_is_the_committed_one() -> None:
    """Run ``make schema`` after a change of metrics."""
    assert (ROOT / "docs/reference/metrics.md").read_text() == REFERENCE.page()


def test_every_label_has_a_bounded_set_of_values() -> None:
    unbounded = {metric.name: set(metric.labels) - REFERENCE.LABELS.keys() for metric in REFERENCE.metrics()}
    assert {name: labels for name, labels in unbounded.items() if labels} == {}
    forbidden = re.compile(
        r"account|customer|email|address|grid_id|signup|subscription|furl|path|url|user|token|secret"
    )
    assert [label for label in REFERENCE.LABELS if forbidden.search(label)] == []


def test_every_metric_says_what_it_tells_and_in_which_unit() -> None:
    for metric in REFERENCE.metrics():
        assert metric.help.endswith("."), metric.name
        assert (metric.kind == "counter") == metric.name.endswith("_total"), metric.name
        if metric.kind == "histogram":
            assert metric.name.endswith("_seconds"), metric.name


@cache
def trees(folder: Path) -> list[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text())) for path in sorted(folder.rglob("*.py"))]


def names_of_loops(folder: Path) -> set[str]:
    """Strings that are given to what tells a success, or are called a loop."""
    found: set[str] = set()
    for path, tree in trees(folder):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                named = node.func.id in {"last_success", "every", "whenever"} and node.args
                found |= texts(node.args[0]) if named else set()
            elif isinstance(node, ast.Assign):
                found |= assigned(node, path)
    return found


def assigned(node: ast.Assign, path: Path) -> set[str]:
    target = ast.unparse(node.targets[0])
    if target in {"LOOP", "_LOOP"}:
        return texts(node.value)
    if target == "(_LOOP, _ALL)" and isinstance(node.value, ast.Tuple):
        return texts(node.value.elts[0])
    if target == "rounds" and path.name == "loops.py" and isinstance(node.value, ast.Dict):
        return {text for key in node.value.keys if key for text in texts(key)}
    return set()


def texts(node: ast.expr) -> set[str]:
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def test_every_loop_of_the_code_has_a_limit_and_every_limit_a_loop() -> None:
    limits = tool("observability").loops()
    told = {service: names_of_loops(ROOT / folder) for service, folder in PACKAGES.items()}
    for service in PACKAGES.keys() - {"all"}:
        assert {loop for owner, loop in limits if owner == service} == told[service] | told["all"], service


def endless(tree: ast.Module) -> Iterator[str]:
    for function in ast.walk(tree):
        if isinstance(function, ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.While) and ast.unparse(node.test) == "True":
                    yield function.name


def test_every_endless_loop_tells_its_success() -> None:
    silent = []
    for folder in PACKAGES.values():
        for path, tree in trees(ROOT / folder):
            names = [f"{path.relative_to((ROOT / folder).parent)}::{name}" for name in endless(tree)]
            silent += [name for name in names if "last_success(" not in path.read_text() and name not in NOT_A_LOOP]
    assert silent == [], silent


def test_the_funnel_counts_from_zero_so_that_the_first_customer_is_seen() -> None:
    for step in STEPS:
        assert REGISTRY.get_sample_value("s4_funnel_total", {"step": step}) is not None


def test_several_customers_can_take_a_step_at_once() -> None:
    before = REGISTRY.get_sample_value("s4_funnel_total", {"step": "paid"}) or 0
    came_to("paid", 3)
    assert REGISTRY.get_sample_value("s4_funnel_total", {"step": "paid"}) == before + 3
