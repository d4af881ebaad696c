"""python -m s4_bus: what the broker is to have, for whoever operates it."""

import argparse
import json
import sys
from pathlib import Path

from s4_bus.definitions import VHOST, Definitions, definitions, users
from s4_bus.management import apply
from s4_runtime import Permanent, Temporary


def main(arguments: list[str]) -> int:
    """0 when done; 1 when the broker refused, 75 when it could not be reached (sysexits: try again)."""
    asked = _parser().parse_args(arguments)
    documents = _documents(asked)
    if asked.command != "apply":
        print(json.dumps(documents[0], indent=2))
        return 0
    try:
        apply(asked.url_file.read_text(encoding="utf-8").strip(), *documents, cafile=asked.ca)
    except (Permanent, Temporary) as trouble:
        print(f"s4_bus: {trouble}", file=sys.stderr)
        return 1 if isinstance(trouble, Permanent) else 75
    return 0


def _documents(asked: argparse.Namespace) -> list[Definitions]:
    people = [] if asked.command == "definitions" or asked.passwords is None else [_users(asked)]
    return people if asked.command == "users" else [*people, definitions(asked.vhost)]


def _users(asked: argparse.Namespace) -> Definitions:
    files = sorted(path for path in asked.passwords.iterdir() if path.is_file() and not path.name.startswith("."))
    return users({path.name: path.read_text(encoding="utf-8").strip() for path in files}, asked.vhost)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m s4_bus", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--vhost", default=VHOST)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("definitions", parents=[common], help="print exchanges, queues, bindings and rights")
    people = commands.add_parser("users", parents=[common], help="print users with hashed passwords")
    people.add_argument("--passwords", type=Path, required=True, help="a folder with a file for each user")
    applying = commands.add_parser("apply", parents=[common], help="give them to a running broker, again if need be")
    applying.add_argument("--url-file", type=Path, required=True, help="file with https://USER:PASSWORD@HOST:PORT")
    applying.add_argument("--ca", help="file with the authority of the management API's certificate")
    applying.add_argument("--passwords", type=Path, help="give it the users too, from a folder as above")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
