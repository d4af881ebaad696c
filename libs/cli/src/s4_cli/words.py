"""All words that ``s4`` knows."""

import argparse

from s4_cli import billing, grids, hosts, rollout, sweep
from s4_ops.backup import commands as backup
from s4_ops.cluster import commands as cluster
from s4_ops.deploy import commands as deploy
from s4_ops.images import commands as images


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
    deploy.add_commands(services.add_parser("deploy", help="bring a release to staging or production, and back"))
    images.add_commands(services.add_parser("images", help="build, sign and verify container images"))
    cluster.add_commands(services.add_parser("cluster", help="make, check, upgrade, resize and delete clusters"))
    backup.add_commands(services.add_parser("backup", help="keep everything that must survive, and bring it back"))
    return made
