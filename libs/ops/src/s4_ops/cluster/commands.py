"""s4 cluster ..."""

import argparse
from datetime import timedelta

from s4_ops.cluster import create, throwaway
from s4_ops.cluster.asked import add_deed, do, lasting, spec_of
from s4_ops.cluster.spec import Spec, load
from s4_ops.cluster.work import open_work
from s4_runtime import SystemClock


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands below ``s4 cluster``. Each sets ``run``: given the parsed words, it returns the exit status."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    made = commands.add_parser("create", help="make a cluster, or make it what its spec says")
    add_deed(made)
    made.add_argument("--for", dest="lasting", type=lasting, default=timedelta(hours=8), help="8h, 2d: of a throw-away")
    made.set_defaults(run=_create)


def _create(asked: argparse.Namespace) -> int:
    spec = _fresh(asked) if asked.environment == "throwaway" else spec_of(asked)
    with open_work(spec) as work:
        return do(asked, spec, "create", create.changes(work), create.steps(work))


def _fresh(asked: argparse.Namespace) -> Spec:
    """A throw-away cluster of a new name, or of the name by which a killed command began one."""
    spec = load(asked.environment, asked.spec)
    return throwaway.until(spec, asked.name or throwaway.fresh_name(spec), SystemClock().now(), asked.lasting)
