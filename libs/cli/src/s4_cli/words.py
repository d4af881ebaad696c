"""All words that ``s4`` knows."""

import argparse
from collections.abc import Collection, Mapping
from importlib.metadata import version
from types import MappingProxyType

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "billing": "accounts, refunds, differences from Stripe",
        "grids": "customers' grids",
        "hosts": "the machines that grids are on",
        "rollout": "new releases of the node",
        "sweep": "what nobody owns, and what is missing",
        "breaker": "what keeps hosts from being replaced while a region is ill",
        "queues": "what waits between services, and what was put aside",
        "events": "what services told, as it comes in or of one customer",
        "doctor": "find what is wrong with an installation, and what to do",
        "deploy": "bring a release to staging or production, and back",
        "images": "build, sign and verify container images",
        "cluster": "make, check, upgrade, resize and delete clusters",
        "backup": "keep everything that must survive, and bring it back",
        "audit": "what was done from this account to installations as a whole",
        "completions": "what a shell needs to complete these commands",
    }
)


def parser(typed: Collection[str] | None = None) -> argparse.ArgumentParser:
    """All commands. When it is known what was typed, only words that stand there are filled, which is quicker."""
    made = argparse.ArgumentParser(prog="s4", description="Operate S4. Each service has commands of its own.")
    made.add_argument("--version", action="version", version=f"s4 {version('s4-cli')}")
    made.add_argument("--environment", metavar="NAME", default="", help="an installation in ~/.config/s4/NAME.json")
    words = made.add_subparsers(required=True, metavar="WORD")
    for word, text in WORDS.items():
        below = words.add_parser(word, help=text)
        if typed is None or word in typed:
            _of_a_service(word, below)
            _of_an_installation(word, below)
    return made


def _of_a_service(word: str, below: argparse.ArgumentParser) -> None:
    from s4_cli import billing, events, grids, hosts, queues, rollout, sweep

    fills = {
        "billing": billing.add_commands,
        "grids": grids.add_commands,
        "hosts": hosts.add_commands,
        "rollout": rollout.add_commands,
        "sweep": sweep.add_commands,
        "breaker": hosts.add_breaker,
        "queues": queues.add_commands,
        "events": events.add_commands,
    }
    if word in fills:
        fills[word](below)


def _of_an_installation(word: str, below: argparse.ArgumentParser) -> None:
    match word:
        case "doctor":
            from s4_cli.doctor import command

            command.add_command(below)
        case "deploy":
            from s4_ops.deploy import commands as deploy

            deploy.add_commands(below)
        case "images":
            from s4_ops.images import commands as images

            images.add_commands(below)
        case "cluster":
            from s4_ops.cluster import commands as cluster

            cluster.add_commands(below)
        case "backup":
            from s4_ops.backup import commands as backup

            backup.add_commands(below)
        case "completions":
            from s4_cli import completions

            completions.add_command(below)
        case "audit":
            from s4_cli import audit

            audit.add_command(below)
        case _:
            pass
