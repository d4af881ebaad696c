"""Which of Tahoe-LAFS' tests are run, and why the others are not: tahoe/not_applicable.toml."""

import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

LIST = Path(__file__).resolve().parents[1] / "tahoe" / "not_applicable.toml"


def not_applicable() -> dict[str, dict[str, str]]:
    """For each module of allmydata.test: `Class.test` or `Class`, and the reason."""
    listed: dict[str, dict[str, str]] = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return listed


def applicable(module: ModuleType, name: str) -> Any:
    """The class of tests without those that are not applicable."""
    listed = not_applicable().get(module.__name__.rpartition(".")[2], {})
    hidden = {test.partition(".")[2]: None for test in listed if test.startswith(f"{name}.")}
    return type(name, (getattr(module, name),), {**hidden, "__module__": __name__})
