"""What the site refuses. The codes, their statuses and their words are one table: errors.toml."""

import tomllib
from collections.abc import Mapping
from importlib import resources

import msgspec

from s4_runtime import Permanent


class Refused(Permanent):
    """The site will not do it; the code says why."""


class Words(msgspec.Struct, frozen=True):
    """An error page, and where its one link leads (nowhere: the page itself, again)."""

    status: int
    title: str
    text: str
    link: str = "Go to the home page"
    href: str = ""


def read_words() -> Mapping[str, Words]:
    """The table, by code. Any other code is a fault of ours: it gets "internal-error"."""
    text = resources.files("s4_web").joinpath("errors.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Words])
