"""`s4-node run DIR`: one grid, or one of its two nodes."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from s4_node.serve import process
from s4_node.serve.control import ControlSocket, TakenByAnother

if TYPE_CHECKING:
    from s4_node.serve.condition import Condition
    from s4_node.storage.shared import Shared


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of the command line."""
    parser.description = (
        "Serve the grid in DIR until SIGTERM. Shares are in the bucket that the storage server's tahoe.cfg names in "
        "[storageserver.plugins.s4-s3-v1]; without that section, on the disk."
    )
    parser.add_argument(
        "directory",
        metavar="DIR",
        type=Path,
        help="has an introducer in DIR/introducer and a storage server in DIR/storage, or is one of the two itself; "
        "`tahoe create-introducer` and `tahoe create-node` make them",
    )
    parser.add_argument(
        "--control", action="store_true", help="answer GET /grids at DIR/control.sock, for its owner only"
    )
    process.add_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Serve until SIGTERM; 1 when the grid cannot be served, after a line that says why."""
    try:
        control = ControlSocket(args.directory) if args.control else None
    except (OSError, TakenByAnother) as error:
        print(f"s4-node: {error}", file=sys.stderr)
        return 1

    def one_grid(shared: "Shared") -> OneGrid:
        return OneGrid(args.directory.resolve(), shared, control)

    return process.serve(args, one_grid)


class OneGrid:
    """The grid of one directory, which is called as the directory is."""

    def __init__(self, directory: Path, shared: "Shared", control: ControlSocket | None) -> None:
        from twisted.internet import reactor
        from twisted.internet.defer import DeferredLock

        from s4_node.serve.tenant import Tenant

        self._control = control
        self._tenant = Tenant(directory.name, directory, shared, turns=DeferredLock(), clock=reactor, again=False)

    def conditions(self) -> "Mapping[str, Condition]":
        """How the grid is."""
        return {self._tenant.grid_id: self._tenant.condition}

    async def begin(self) -> None:
        """The grid is served. Raises CannotServe."""
        if self._control is not None:
            from twisted.internet import reactor

            from s4_node.serve.control_pages import control_site

            reactor.listenUNIX(self._control.address, control_site(lambda _: self.conditions()), mode=0o600)
        self._tenant.start()
        await self._tenant.tried()
        if self._tenant.condition.state == "failed":
            raise process.CannotServe

    async def stop(self) -> None:
        """The grid is not served any more."""
        await self._tenant.stop()
