"""s4: what operators type."""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

from s4_cli import billing, grids, hosts, rollout, sweep
from s4_cli.access import access
from s4_runtime import Permanent, Temporary


def parser() -> argparse.ArgumentParser:
    """All commands."""
    made = argparse.ArgumentParser(prog="s4", description="Operate S4. Each service has commands of its own.")
    services = made.add_subparsers(required=True, metavar="SERVICE")
    billing.add_commands(services.add_parser("billing", help="accounts, refunds, differences from Stripe"))
    grids.add_commands(services.add_parser("grids", help="customers' grids"))
    hosts.add_commands(services.add_parser("hosts", help="the machines that grids are on"))
    rollout.add_commands(services.add_parser("rollout", help="new releases of the node"))
    sweep.add_commands(services.add_parser("sweep", help="what nobody owns, and what is missing"))
    hosts.add_breaker(services.add_parser("breaker", help="what keeps hosts from being replaced while a region is ill"))
    return made


def main(arguments: list[str]) -> int:
    """0 when done; 1 when the service refused, 75 when it could not be reached (sysexits: try again)."""
    asked = parser().parse_args(arguments)
    try:
        answer = asyncio.run(asked.deed(access(asked.service, os.environ, Path.cwd()), asked))
    except Permanent as refusal:
        print(f"s4: {refusal}", file=sys.stderr)
        return 1
    except Temporary as trouble:
        print(f"s4: {trouble}", file=sys.stderr)
        return 75
    print(json.dumps(answer, indent=2) if asked.json else harmless(asked.show(answer)))
    return 0


def harmless(text: str) -> str:
    """The text without what a terminal would obey: some of it was written by customers and their banks."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}" for sign in text)


def run() -> None:
    """The console script."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
