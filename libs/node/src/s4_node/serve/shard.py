"""`s4-node shard DIR`: many grids in one process, or a word with the process that serves them."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from s4_node.serve import process
from s4_node.serve.control import ControlSocket, NobodyServes, TakenByAnother, ask

if TYPE_CHECKING:
    from s4_node.serve.condition import Condition
    from s4_node.storage.shared import Shared


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of the command line."""
    parser.description = (
        "Serve every grid in DIR/grids/GRID_ID with one process; each is a directory as `s4-node run` takes it. A grid "
        "that cannot be served hurts no other one and is tried again. With --apply or --list, ask the process that "
        "serves DIR."
    )
    parser.add_argument("directory", metavar="DIR", type=Path, help="has a directory for each grid in DIR/grids")
    word = parser.add_mutually_exclusive_group()
    word.add_argument(
        "--apply",
        action="store_true",
        help="serve what is in DIR/grids now: new grids are added, changed ones restarted, vanished ones closed; "
        "answers with JSON when each was tried, and with 1 when one of them is not served",
    )
    word.add_argument("--list", action="store_true", help="how each grid is, as JSON; 1 when one of them is not served")
    process.add_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Serve until SIGTERM, or ask who serves; 1 when a grid is not served, or nothing could be."""
    if args.apply:
        return _ask(args.directory, "POST", "/apply")
    if args.list:
        return _ask(args.directory, "GET", "/grids")
    try:
        control = ControlSocket(args.directory)
    except (OSError, TakenByAnother) as error:
        print(f"s4-node: {error}", file=sys.stderr)
        return 1
    return process.serve(args, lambda shared: ServedShard(args.directory.resolve(), control, shared))


class ServedShard:
    """The grids of a directory, and the socket at which they are changed."""

    def __init__(self, directory: Path, control: ControlSocket, shared: "Shared") -> None:
        from twisted.internet import reactor
        from twisted.internet.defer import DeferredLock

        from s4_node.serve.tenant import Tenant
        from s4_node.serve.tenants import Tenants

        turns = DeferredLock()
        self._control = control
        (directory / "grids").mkdir(exist_ok=True)
        self._tenants = Tenants(
            directory / "grids",
            lambda grid_id, home: Tenant(grid_id, home, shared, turns=turns, clock=reactor),
        )

    def conditions(self) -> "Mapping[str, Condition]":
        """How each grid is."""
        return self._tenants.conditions()

    async def begin(self) -> None:
        """Each grid of the directory was tried."""
        from twisted.internet import reactor

        from s4_node.serve.control_pages import control_site

        reactor.listenUNIX(self._control.address, control_site(self._tenants.conditions, self._tenants), mode=0o600)
        await self._tenants.apply()

    async def stop(self) -> None:
        """No grid is served."""
        await self._tenants.stop()


def _ask(directory: Path, method: str, path: str) -> int:
    try:
        answer = ask(directory, method, path)
    except NobodyServes as error:
        print(f"s4-node: {error}", file=sys.stderr)
        return 1
    print(json.dumps(answer, indent=2))
    unserved = [grid for grid in answer.get("grids", {}).values() if grid["state"] not in {"serving", "removed"}]
    return 1 if unserved or "grids" not in answer else 0
