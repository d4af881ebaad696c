"""s4 rollout: bring a new release of the node to the grids of a pool, and take it back."""

import argparse
from urllib.parse import quote

from s4_cli.access import Access
from s4_cli.calls import call
from s4_cli.commands import Answer, Commands, Deed, count, do
from s4_cli.tables import done, table

_AT = "/operator/rollouts"


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands."""
    commands = Commands(parser, "provisioner")
    text = "bring a release to a pool's grids: a few, then batches, each twice as large, each grid proved"
    made = commands.does("start", _start, done, text, asks_first=True)
    made.add_argument("release", help="the name of an image (EC2), or an image with its digest (Kubernetes)")
    made.add_argument("--pool", required=True)
    made.add_argument("--canary", type=count, default=1, help="so many grids first")
    made.add_argument("--batch", type=count, default=10, help="so many next")
    commands.asks("show", _show, _shown, "how far rollouts are, and which grids were not proved")
    for name, text in (
        ("pause", "let no further grid begin to move"),
        ("resume", "go on; grids that failed are tried once more"),
        ("back", "bring all grids that were moved back to the release that they had"),
    ):
        commands.does(name, _deed(name), done, text).add_argument("--pool", required=True)


async def _start(access: Access, asked: argparse.Namespace) -> Answer:
    more = {"release": asked.release, "canary": asked.canary, "batch": asked.batch}
    return await do(access, f"{_AT}/{quote(asked.pool)}/start", asked, **more)


async def _show(access: Access, _asked: argparse.Namespace) -> Answer:
    return await call(access, "GET", _AT)


def _deed(name: str) -> Deed:
    async def deed(access: Access, asked: argparse.Namespace) -> Answer:
        return await do(access, f"{_AT}/{quote(asked.pool)}/{name}", asked)

    return deed


def _shown(answer: Answer) -> str:
    names = ("pool", "release", "former", "state", "round", "moving", "proved", "failed", "back", "to_go", "started_at")
    lines = table(answer["rollouts"], **{name: name for name in names})
    if not answer["failed"]:
        return lines
    failed = ("pool", "grid_id", "round", "code", "ended_at", "stage")
    return f"{lines}\n\nnot proved:\n{table(answer['failed'], **{name: name for name in failed})}"
