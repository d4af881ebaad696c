"""s4 audit: what this account did to installations by commands that no service carries out."""

import argparse
import json
import os

from s4_cli import terminal
from s4_cli.commands import count
from s4_cli.tables import table
from s4_ops.audit import audit_file, recorded


def add_command(parser: argparse.ArgumentParser) -> None:
    """The command."""
    parser.description = "Deployments, clusters, backups, newest first. A deed that began and has no end was killed."
    parser.add_argument("--limit", type=count, default=50, help="so many at most")
    parser.add_argument("--json", action="store_true", help="print the lines as JSON")
    parser.set_defaults(run=_run)


def _run(asked: argparse.Namespace) -> int:
    deeds: dict[object, dict[str, object]] = {}
    for line in recorded(audit_file(os.environ)):
        deeds[line.get("deed")] = {"began": line.get("at"), **deeds.get(line.get("deed"), {}), **line}
    rows = list(reversed(deeds.values()))[: asked.limit]
    names = ("began", "who", "command", "what", "outcome", "code", "note")
    text = json.dumps({"audit": rows}, indent=2) if asked.json else table(rows, **{name: name for name in names})
    terminal.say(text)
    return 0
