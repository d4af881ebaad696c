"""python -m s4_shop.compose PART ...: what compose.yaml runs beside the services (docs/operations/compose.md)."""

import argparse
import asyncio
import sys
from pathlib import Path

from s4_shop import preparations
from s4_shop.compose import client, demo, secrets
from s4_shop.demo.purchase import Reach
from s4_shop.wiring import REGION


def main(arguments: list[str]) -> int:
    """The exit code of one part."""
    asked, code = _parser().parse_args(arguments), 0
    match asked.part:
        case "folders":
            secrets.folders(asked.root)
        case "secrets":
            secrets.run(asked.root)
        case "databases":
            words = {path.name: path.read_text(encoding="utf-8") for path in asked.root.iterdir()}
            asyncio.run(preparations.databases(secrets.database_url(words["postgres"]), words))
        case "hosted-zone":
            preparations.hosted_zone(asked.endpoint, REGION)
        case "demo":
            leads = {int(port): (name, int(inside)) for port, name, inside in (at.split(":") for at in asked.published)}
            reach = Reach(asked.site, asked.inbox, asked.mailbox, demo.TAHOE, "docker compose logs {part}")
            code = asyncio.run(demo.run(reach, leads))
        case "join":
            client.join(asked.root, asked.mailbox, asked.code)
        case "client":
            client.serve(asked.root)
        case _:
            code = 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m s4_shop.compose", description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    for name in ("folders", "secrets", "databases", "client", "join"):
        parts.add_parser(name).add_argument("root", type=Path)
    parts.add_parser("hosted-zone").add_argument("endpoint")
    buying = parts.add_parser("demo")
    buying.add_argument("--published", action="append", default=[], metavar="PORT:NAME:PORT")
    for name in ("--site", "--inbox", "--mailbox"):
        buying.add_argument(name, required=True)
    joining = parts.choices["join"]
    joining.add_argument("--mailbox", required=True)
    joining.add_argument("code")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except client.NoGrid as trouble:
        sys.exit(str(trouble))
