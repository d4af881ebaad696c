"""Every command of `s4` that the documentation names exists, with the options that it gives."""

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from s4_cli.words import parser

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
# In backticks within a line, or a line of an indented or fenced block.
_COMMAND = re.compile(r"`s4 ([^`\n]+)`|^(?: {4}|\$ |)s4 ([a-z-][^\n`|]*)$", re.MULTILINE)


def commands(text: str) -> Iterator[str]:
    for match in _COMMAND.finditer(text):
        words = (match[1] or match[2]).split("#")[0].strip()
        yield re.sub(r"[\[\]…]|\.\.\.", " ", words)


PARSER = parser()


def problem(words: str) -> str | None:
    """What the program would say to the command, as far as its words and options go."""
    here, rest = PARSER, shlex.split(words)
    while rest:
        word = rest.pop(0).rstrip(",;")
        below = next((one for one in here._actions if isinstance(one, argparse._SubParsersAction)), None)
        if word.startswith("-"):
            if word.split("=")[0] not in here._option_string_actions:
                return f"{here.prog}: no option {word}"
        elif below is not None and word in below.choices:
            here = below.choices[word]
        elif below is not None and re.fullmatch(r"[a-z][a-z-]*", word) and not _takes_a_value(here, words, word):
            return f"{here.prog}: no command {word}"
    return None


def _takes_a_value(here: argparse.ArgumentParser, words: str, word: str) -> bool:
    before = words.split(word, maxsplit=1)[0].split()
    return bool(before) and before[-1].startswith("-") and before[-1] in here._option_string_actions


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_what_a_page_tells_to_type_is_known(page: Path) -> None:
    found = {words: problem(words) for words in commands(page.read_text(encoding="utf-8"))}
    assert {words: wrong for words, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("words", ["grids lst", "grids list --trubble", "deploy moon --release x"])
def test_a_wrong_word_is_noticed(words: str) -> None:
    assert problem(words)


def test_the_manual_names_many_commands() -> None:
    assert len(list(commands((ROOT / "docs/operations/manual.md").read_text(encoding="utf-8")))) > 20
