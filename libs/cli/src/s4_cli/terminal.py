"""How things are said on a terminal: colour and movement there, plain text everywhere else and with NO_COLOR."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def harmless(text: str) -> str:
    """The text without what a terminal would obey: some of it was written by customers and their banks."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}" for sign in text)


def say(said: str) -> None:
    """The text on standard output, harmless; words that ask for attention stand out on a terminal."""
    text = harmless(said)
    if not sys.stdout.isatty():
        print(text)  # noqa: T201  the command's answer
        return
    from rich.console import Console
    from rich.highlighter import RegexHighlighter
    from rich.theme import Theme

    class Attention(RegexHighlighter):
        base_style = "s4."
        highlights = (
            r"(?m)^(?P<head>[a-z][a-z ]*(?:  +[a-z][a-z ]*){2,})$",
            r"(?m)^(?P<bad>critical\b.*)$|(?m:^)(?P<warn>warning\b.*)$",
            r"(?P<warn>! .*)$",
            r"(?P<dot>●)",
            r"(?P<good>\bnothing is wrong\b.*)",
        )

    styles = {"s4.head": "bold", "s4.bad": "bold red", "s4.warn": "yellow", "s4.dot": "cyan", "s4.good": "green"}
    Console(theme=Theme(styles), highlighter=Attention(), soft_wrap=True, markup=False, emoji=False).print(text)


@contextmanager
def working(text: str) -> Iterator[None]:
    """While the block runs, a terminal shows that something is being done."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


@contextmanager
def counting(text: str, total: int) -> Iterator[Callable[[int], None]]:
    """A function that moves a bar on by so many."""
    if not sys.stderr.isatty():
        yield lambda _many: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(text, total=total)
        yield lambda many: progress.advance(task, many)
