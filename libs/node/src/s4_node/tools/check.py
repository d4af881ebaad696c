"""`s4-node check PLACE`: whether a node could serve from this bucket, and what to do where it could not."""

import argparse
import json
import sys
from pathlib import Path

from s4_node.settings import SECTION
from s4_node.tools.checks import Finding, checks
from s4_node.tools.places import CONFIGURATION, BadPlace, located, node_of

SIGNS = {"ok": "ok  ", "warning": "warn", "failed": "FAIL"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own words."""
    parser.description = (
        "Check the configuration, the credentials and the bucket. An object under meta/ is written, read and deleted; "
        "no share is touched."
    )
    parser.add_argument("place", metavar="PLACE", help="a node's directory, or s3://BUCKET/PREFIX?endpoint=...")
    parser.add_argument("--json", action="store_true", help="the result as JSON on stdout")


def main(args: argparse.Namespace) -> int:
    """Check everything; 0 when a node can serve, 1 when it cannot, 2 for wrong words."""
    try:
        settings = located(args.place)
    except (BadPlace, OSError) as wrong:
        print(f"s4-node check: {wrong}", file=sys.stderr)
        return 2
    if isinstance(settings, Path):
        print(f"s4-node check: {args.place}: {_no_bucket(Path(args.place))}", file=sys.stderr)
        return 2
    findings = []
    for finding in checks(settings):
        findings.append(finding)
        if not args.json:
            _say(finding)
    if args.json:
        print(json.dumps([{"check": each.check, "state": each.state, "what": each.what} for each in findings]))
    return 1 if any(each.state == "failed" for each in findings) else 0


def _no_bucket(place: Path) -> str:
    node = node_of(place)
    if node is not None:
        return f"shares are on the disk: {node / CONFIGURATION} has no section [{SECTION}]"
    return f"no {CONFIGURATION} in it" if place.is_dir() else "there is no such directory"


def _say(finding: Finding) -> None:
    print(f"{SIGNS[finding.state]}  {finding.check}: {finding.what}")
