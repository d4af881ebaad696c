"""`s4-node pod`: one grid as a container serves it, from a specification and credentials in mounted files."""

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from s4_node.host import files
from s4_node.host.configuration import HostConfiguration
from s4_node.host.owner import owner_named
from s4_node.host.refused import Refused
from s4_node.host.rendering import grid_files, sequence_text
from s4_node.host.specification import SEQUENCE, Specification, parse
from s4_node.serve import process

if TYPE_CHECKING:
    from s4_node.serve.condition import Condition
    from s4_node.storage.shared import Shared


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The words of the command line."""
    parser.description = (
        "Serve one grid in the foreground until SIGTERM, as a container does: its specification is read from a file "
        "once, its credentials whenever that file is replaced, and nothing that is kept in DIR needs to be there the "
        "next time. A grid that cannot be served is tried again for ever."
    )
    parser.add_argument("--specification", type=Path, required=True, help="what `s4-host apply` is told, as a file")
    parser.add_argument(
        "--credentials", type=Path, help="AWS' shared credentials file; without it, AWS' usual chain of sources"
    )
    parser.add_argument("--directory", metavar="DIR", type=Path, required=True, help="where the node's files are made")
    parser.add_argument("--bind", metavar="ADDRESS", default="", help="listen on this IPv4 address only")
    parser.add_argument("--spool-bytes", type=int, help="of uploads that are not yet in the bucket")
    process.add_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Serve until SIGTERM; 2 for a specification that cannot be served, after a line that says why."""
    try:
        specification = read(args.specification)
        home = lay_out(specification, args)
    except (OSError, Refused) as error:
        print(f"s4-node: {error}", file=sys.stderr)
        return 2
    return process.serve(args, lambda shared: ServedGrid(home, shared))


def read(path: Path) -> Specification:
    """The grid that the file specifies. Raises Refused and OSError."""
    body = path.read_bytes()
    try:
        told = json.loads(body)
    except ValueError:
        raise Refused(["not JSON"]) from None
    grid_id = told.get("grid_id") if isinstance(told, dict) else None
    specification = parse(grid_id if isinstance(grid_id, str) else "", body)
    if specification.s3 is None:
        raise Refused(["storage.s3: a container keeps nothing, so there must be a bucket"])
    return specification


def lay_out(specification: Specification, args: argparse.Namespace) -> Path:
    """The grid's directory, with all that its nodes need; its announcement number is higher than any before."""
    keys = {"credentials": f"file:{args.credentials.absolute()}"} if args.credentials else {}
    specification = dataclasses.replace(
        specification, s3={**(specification.s3 or {}), **keys}, credentials=None, shard=None
    )
    home: Path = args.directory.resolve() / specification.grid_id
    host = HostConfiguration(args.directory, "process", None, args.bind, args.spool_bytes)
    present = files.read(home / "storage" / SEQUENCE)
    # what an earlier container counted up to is gone with it; the time of day is further on
    number = sequence_text(present, max(specification.sequence, int(time.time())))
    files.replace(home, {**grid_files(specification, host), f"storage/{SEQUENCE}": number}, owner_named(None))
    return home


class ServedGrid:
    """The grid of one directory, tried again until it is served."""

    def __init__(self, home: Path, shared: "Shared") -> None:
        from twisted.internet import reactor
        from twisted.internet.defer import DeferredLock

        from s4_node.serve.tenant import Tenant

        self._tenant = Tenant(home.name, home, shared, turns=DeferredLock(), clock=reactor)

    def conditions(self) -> "Mapping[str, Condition]":
        """How the grid is."""
        return {self._tenant.grid_id: self._tenant.condition}

    async def begin(self) -> None:
        """The grid was tried."""
        self._tenant.start()
        await self._tenant.tried()

    async def stop(self) -> None:
        """The grid is not served any more."""
        await self._tenant.stop()
