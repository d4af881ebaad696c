"""s4 cluster ..."""

import argparse
from datetime import timedelta
from pathlib import Path

from s4_ops.cluster import deeds
from s4_ops.cluster.asked import add_deed, add_which, lasting


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands below ``s4 cluster``. Each sets ``run``: given the parsed words, it returns the exit status."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_create(commands.add_parser("create", help="make a cluster, or make it what its spec says"))
    _add_validate(commands.add_parser("validate", help="look whether a cluster is well"))
    _add_upgrade(commands.add_parser("upgrade", help="bring the spec's version of Kubernetes, group after group"))
    _add_resize(commands.add_parser("resize", help="allow more or fewer nodes"))
    _add_delete(commands.add_parser("delete", help="delete a cluster, or all throw-away ones whose time is over"))
    _add_list(commands.add_parser("list", help="which clusters there are in an environment's account"))


def _add_create(made: argparse.ArgumentParser) -> None:
    add_deed(made)
    made.add_argument("--for", dest="lasting", type=lasting, default=timedelta(hours=8), help="8h, 2d: of a throw-away")
    made.set_defaults(run=deeds.create_cluster)


def _add_validate(made: argparse.ArgumentParser) -> None:
    add_which(made)
    made.add_argument("--kubeconfig", type=Path, help="one that has a context of the cluster's name; kops is not asked")
    made.add_argument("--json", action="store_true", help="every check as JSON")
    made.set_defaults(run=deeds.validate_cluster)


def _add_upgrade(made: argparse.ArgumentParser) -> None:
    add_deed(made)
    made.set_defaults(run=deeds.upgrade_cluster)


def _add_resize(made: argparse.ArgumentParser) -> None:
    add_deed(made)
    made.add_argument("group", help="a group of nodes in the spec")
    made.add_argument("--min", type=int, required=True, help="so many at least")
    made.add_argument("--max", type=int, required=True, help="and so many at most")
    made.set_defaults(run=deeds.resize_cluster)


def _add_delete(made: argparse.ArgumentParser) -> None:
    add_deed(made)
    made.add_argument("--expired", action="store_true", help="all throw-away clusters whose time is over")
    made.add_argument("--force", action="store_true", help="although what is named would be lost")
    made.set_defaults(run=deeds.delete_cluster)


def _add_list(made: argparse.ArgumentParser) -> None:
    add_which(made)
    made.add_argument("--json", action="store_true", help="as JSON")
    made.set_defaults(run=deeds.list_clusters)
