"""Tables for a person, and JSON for a machine."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench.node.bench_of import Row, Table


def printed(table: Table) -> None:
    print(f"\n{table.title} ({table.load})")
    compared = any(row.baseline is not None for row in table.rows)
    if compared:
        print(f"  {'':66}{'ours':>8}{'stock':>8}{'ratio':>7}{'goal':>6}")
    for row in table.rows:
        print(_compared(row) if compared else _alone(row))


def _compared(row: Row) -> str:
    goal = "" if row.goal is None else f"{row.goal:6.2f}  {'ok' if row.ok else 'MISSED'}"
    note = f"  ({row.note})" if row.note else ""
    return (
        f"  {row.name + ', ' + row.unit:66}{row.value:8.1f}{row.baseline or 0:8.1f}{row.ratio or 0:7.2f}{goal:>6}{note}"
    )


def _alone(row: Row) -> str:
    goal = "" if row.goal is None else f"  goal <= {row.goal:g}: {'ok' if row.ok else 'MISSED'}"
    value = f"{row.value:8.2f}" if row.value < 10 else f"{row.value:8.1f}"
    return f"  {row.name:40}{value} {row.unit}{goal}{'  ' + row.note if row.note else ''}"


def written(tables: Sequence[Table], output: Path) -> None:
    """In the form that all benches write, one object for each figure."""
    rows = [
        asdict(row) | {"name": f"{table.title}: {row.name}", "load": str(table.load)}
        for table in tables
        for row in table.rows
    ]
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
