"""What the benches of billing have in common: a crowd of customers at the double, and a durable database."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from s4_shop.ports import free_port
from s4_shop.postgres import PostgresCluster

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def postgres() -> Iterator[PostgresCluster]:
    """A private cluster that keeps what it has promised (fsync on)."""
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        cluster = PostgresCluster(folder=folder / "postgres", port=free_port(), user="s4", password="bench")  # noqa: S106  loopback
        cluster.start()
        try:
            if cluster.run("show fsync") != "on" or cluster.run("show synchronous_commit") != "on":
                raise SystemExit("the database is not durable")
            yield cluster
        finally:
            cluster.stop()
            cluster.remove()


def figure(name: str, value: float, unit: str, baseline: float | None = None) -> dict[str, Any]:
    """One line of a table, in the form that all benches write. Nothing here has a goal."""
    return {
        "name": name,
        "value": round(value, 2),
        "unit": unit,
        "baseline": None if baseline is None else round(baseline, 2),
        "ratio": None if baseline is None else round(value / baseline, 3),
        "goal": None,
        "ok": None,
    }


def report(name: str, figures: list[dict[str, Any]]) -> int:
    """The table is printed and written to build/bench; the exit status."""
    target = ROOT / f"build/bench/{name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for each in figures:
        beside = "" if each["baseline"] is None else f"beside {each['baseline']:g} (ratio {each['ratio']:g})"
        print(f"  {each['name']:<66}{each['value']:>10g} {each['unit']:<9} {beside}")
    print(f"  (load of the machine {os.getloadavg()[0]:.1f})")
    return 0


@contextmanager
def side(*words: str) -> Iterator[None]:
    """A process of a bench, which is ready."""
    command = [sys.executable, str(Path(__file__).with_name("sides.py")), *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603  ours
    try:
        if process.stdout is None or process.stdout.readline().strip() != "ready":
            raise SystemExit(f"the side {words[0]} did not start")
        yield
    finally:
        process.communicate(timeout=60)


def said(*words: str) -> dict[str, Any]:
    """What a process of a bench says at its end."""
    command = [sys.executable, str(Path(__file__).with_name("sides.py")), *words]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603  ours
    told: dict[str, Any] = json.loads(answer.stdout)
    return told


def month() -> int:
    """Seconds until every subscription of the crowd has been renewed."""
    return int(timedelta(days=33).total_seconds())
