"""What the operators' desk of support says of queues. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from s4_cli.doctor.finding import Finding
from s4_cli.doctor.services import parked


def of_queues(rows: list[Mapping[str, Any]]) -> Iterator[Finding]:
    """All findings about queues."""
    for row in rows:
        service = row["service"]
        if row["waiting"] is None:
            yield _no_queue(service)
        elif not row["consumers"]:
            yield _no_reader(service, row["waiting"])
        if row["parked"]:
            yield parked(service, row["parked"])


def _no_queue(service: str) -> Finding:
    return Finding(
        severity="critical",
        about=service,
        what="it has no queue at the broker",
        why="events for it have nowhere to wait: relays hold them back",
        do="apply the broker's definitions (python -m s4_bus definitions)",
        runbook="bus-disconnected",
    )


def _no_reader(service: str, waiting: int) -> Finding:
    return Finding(
        severity="critical",
        about=service,
        what=f"nobody reads its queue, and {waiting} messages wait",
        why="nothing that happens elsewhere has an effect here",
        do="does the service run, and may its user read the queue?",
        runbook="target-down",
    )
