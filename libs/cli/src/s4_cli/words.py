"""All words that ``s4`` knows."""

import argparse
from importlib.metadata import version

from s4_cli import billing, completions, events, grids, hosts, queues, rollout, sweep
from s4_cli.doctor import command as doctor
from s4_ops.backup import commands as backup
from s4_ops.cluster import commands as cluster
from s4_ops.deploy import commands as deploy
from s4_ops.images import commands as images


def parser() -> argparse.ArgumentParser:
    """All commands."""
    made = argparse.ArgumentParser(prog="s4", description="Operate S4. Each service has commands of its own.")
    made.add_argument("--version", action="version", version=f"s4 {version('s4-cli')}")
    made.add_argument("--environment", metavar="NAME", default="", help="an installation in ~/.config/s4/NAME.json")
    words = made.add_subparsers(required=True, metavar="WORD")
    billing.add_commands(words.add_parser("billing", help="accounts, refunds, differences from Stripe"))
    grids.add_commands(words.add_parser("grids", help="customers' grids"))
    hosts.add_commands(words.add_parser("hosts", help="the machines that grids are on"))
    rollout.add_commands(words.add_parser("rollout", help="new releases of the node"))
    sweep.add_commands(words.add_parser("sweep", help="what nobody owns, and what is missing"))
    hosts.add_breaker(words.add_parser("breaker", help="what keeps hosts from being replaced while a region is ill"))
    queues.add_commands(words.add_parser("queues", help="what waits between services, and what was put aside"))
    events.add_commands(words.add_parser("events", help="what services told, as it comes in or of one customer"))
    doctor.add_command(words.add_parser("doctor", help="find what is wrong with an installation, and what to do"))
    deploy.add_commands(words.add_parser("deploy", help="bring a release to staging or production, and back"))
    images.add_commands(words.add_parser("images", help="build, sign and verify container images"))
    cluster.add_commands(words.add_parser("cluster", help="make, check, upgrade, resize and delete clusters"))
    backup.add_commands(words.add_parser("backup", help="keep everything that must survive, and bring it back"))
    completions.add_command(words.add_parser("completions", help="what a shell needs to complete these commands"))
    return made
