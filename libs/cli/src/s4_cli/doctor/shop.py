"""A local run on this machine: its disk, and parts of it that are not up."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from s4_cli.doctor.finding import Finding
from s4_runtime.redaction import redact_text

_LITTLE, _NOTHING = 2 * 1024**3, 512 * 1024**2  # bytes that are left


def of_shop(state: Path) -> Iterator[Finding]:
    """What is wrong with the shop in this folder."""
    if not state.is_dir():
        return
    yield from of_disk(shutil.disk_usage(state).free, str(state))
    try:
        parts = msgspec.json.decode((state / "run" / "status.json").read_bytes(), type=dict[str, dict[str, Any]])
    except (OSError, msgspec.DecodeError):
        return
    for name, part in parts.items():
        if part.get("state") == "failed" or (part.get("state") not in {"ready", "done"} and part.get("exits")):
            yield _broken(
                name, str(part.get("state")), str(part["exits"][-1].get("lines", "")) if part["exits"] else ""
            )


def of_disk(free: int, folder: str) -> Iterator[Finding]:
    """What little space means. Pure."""
    if free < _LITTLE:
        yield Finding(
            severity="critical" if free < _NOTHING else "warning",
            about="disk",
            what=f"{free // 1024**2} MiB are left below {folder}",
            why="RabbitMQ stops taking messages and PostgreSQL stops when there is no space",
            do="make room: old logs and images first; docker system prune, rm -r .s4/images",
            runbook="disk-full",
        )


def _broken(name: str, state: str, lines: str) -> Finding:
    last = redact_text(next((line for line in reversed(lines.splitlines()) if line.strip()), ""))[:200]
    is_schema = "database-not-migrated" in lines
    service = name.removesuffix("-migrate")
    return Finding(
        severity="critical",
        about=name,
        what=("its database lacks a migration" if is_schema else f"it is {state}")
        + (f"; it last said: {last}" if last else ""),
        why="what needs it does not start either",
        do=f"python -m s4_{service} migrate" if is_schema else f"make logs PART={name}; then make up",
        runbook="migrations-missing" if is_schema else "target-down",
    )
