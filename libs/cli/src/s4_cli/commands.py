"""Commands of one service: each with its deed, the way to show what came of it, and what all deeds have in common."""

import argparse
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from s4_cli.access import Access
from s4_cli.calls import call
from s4_runtime import Permanent, is_id

Answer = dict[str, Any]
Deed = Callable[[Access, argparse.Namespace], Awaitable[Answer]]
Words = Callable[[Answer], str]


class Commands:
    """The commands below one word, such as ``s4 grids``."""

    def __init__(self, parser: argparse.ArgumentParser, service: str) -> None:
        self._commands = parser.add_subparsers(required=True, metavar="COMMAND")
        self._service = service

    def asks(self, name: str, deed: Deed, words: Words, text: str) -> argparse.ArgumentParser:
        """A command that changes nothing."""
        made = self._commands.add_parser(name, help=text, description=text)
        made.set_defaults(deed=deed, show=words, service=self._service)
        add_common(made)
        return made

    def does(
        self, name: str, deed: Deed, words: Words, text: str, *, asks_first: bool = False
    ) -> argparse.ArgumentParser:
        """A command that changes something: it takes the reason, and where it asks first, the code of that answer."""
        made = self.asks(name, deed, words, text)
        made.add_argument("--note", required=True, help="why, for the audit")
        if asks_first:
            made.add_argument("--dry-run", action="store_true", help="only show what would be done")
            made.add_argument(
                "--confirm", metavar="CODE", help="do what an earlier call showed, by the code that it gave"
            )
        return made


def add_common(made: argparse.ArgumentParser) -> None:
    """What every command takes."""
    made.add_argument("--json", action="store_true", help="print the answer as JSON")
    made.add_argument(
        "--environment",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help="the installation in ~/.config/s4/NAME.json; else what variables say, else the local run",
    )


async def ask(access: Access, path: str, asked: argparse.Namespace, *names: str) -> Answer:
    """The answer to a question with these words of the command line, where they were given."""
    given = {name: getattr(asked, name) for name in names}
    query = urlencode({name: "yes" if value is True else value for name, value in given.items() if value})
    return await call(access, "GET", f"{path}?{query}" if query else path)


async def do(access: Access, path: str, asked: argparse.Namespace, **more: object) -> Answer:
    """The deed is done, or shown."""
    common = {name: getattr(asked, name, None) for name in ("note", "confirm", "dry_run", "force")}
    body = {name: value for name, value in {**common, **more}.items() if value not in (None, False)}
    return await call(access, "POST", path, body)


def id_of(text: str) -> str:
    """The text, if it is an id. Raises Permanent."""
    if not is_id(text):
        raise Permanent("not-an-id", given=text)
    return text


def count(text: str) -> int:
    """For argparse: a whole number above zero."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError("is not a whole number above zero")
    return int(text)
