"""s4 sweep: what is on the platforms and belongs to nobody, what is missing, and what somebody changed."""

import argparse
from urllib.parse import quote

from s4_cli.access import Access
from s4_cli.calls import call
from s4_cli.commands import Answer, Commands, do
from s4_cli.tables import Row, cell, done, table


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands."""
    commands = Commands(parser, "provisioner")
    commands.asks("show", _show, _shown, "what the last look found, and what became of it")
    commands.does("run", _run, done, "look at everything now; see show for what it finds")
    text = "let a thing be removed that nobody owns; a bucket with something in it needs two operators"
    made = commands.does("approve", _approve, done, text, asks_first=True)
    made.add_argument("kind", help="as show says it")
    made.add_argument("thing", help="as show says it")


async def _show(access: Access, _asked: argparse.Namespace) -> Answer:
    return await call(access, "GET", "/operator/findings")


async def _run(access: Access, asked: argparse.Namespace) -> Answer:
    return await do(access, "/operator/sweep", asked)


async def _approve(access: Access, asked: argparse.Namespace) -> Answer:
    return await do(access, f"/operator/findings/{quote(asked.thing, safe='')}", asked, kind=asked.kind)


def _shown(answer: Answer) -> str:
    lines = table(
        answer["findings"],
        what="what",
        kind="kind",
        thing="thing",
        of=lambda row: row["grid_id"] or row["host_id"],
        since="first_seen",
        data="holds_data",
        approved="approved_by",
        state=_state,
    )
    last = answer["last"]
    end = f"looked at {cell(last.get('last_at'))}, {cell(last.get('seconds'))} s; next at {cell(last.get('due_at'))}"
    return f"{lines}\n{end}" + (f"; the last look failed: {last['code']}" if last.get("code") else "")


def _state(row: Row) -> object:
    return "done" if row["removed_at"] else row["trouble"] or "open"
