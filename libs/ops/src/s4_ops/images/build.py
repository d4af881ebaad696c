"""Images are built from the sources, one after the other, and pushed where that is asked for."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from s4_ops.images.engines import How, build_command, local, look, push, run
from s4_ops.images.recipes import Recipe

_STEP = re.compile(r"(?:\[(\d+)/(\d+)\] )?STEP (\d+)/(\d+): (\S+)")
Tell = Callable[[str], None]


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """An image. `digest` is the registry's once it was pushed; sizes are bytes, `added` those on top of the base."""

    image: str
    id: str
    digest: str
    size: int
    added: int
    seconds: float
    is_pushed: bool = False


def build(recipe: Recipe, how: How, root: Path, registry: str | None, tell: Tell) -> Built:
    """The image of these sources is on this machine, and in the registry if one is named."""
    began = time.monotonic()
    run(build_command(recipe, how, root), f"build-{recipe.name}", lambda line: _told(line, tell))
    digest = None
    if registry:
        tell(f"pushing to {registry}")
        digest = push(recipe, how, registry)
    found = look(how.engine, local(recipe, how.tag))
    size = int(found["Size"])
    base = _size_of(how, how.base or default_base(root / recipe.file))
    return Built(
        image=local(recipe, how.tag),
        id=str(found["Id"]).removeprefix("sha256:"),
        digest=digest or str(found.get("Digest") or found["Id"]),
        size=size,
        added=size - base,
        seconds=round(time.monotonic() - began, 1),
        is_pushed=digest is not None,
    )


def default_base(file: Path) -> str:
    """What the file is built on when nothing else is said."""
    found = re.search(r"^ARG BASE=(\S+)$", file.read_text(), re.MULTILINE)
    return found[1] if found else "scratch"


def _size_of(how: How, base: str) -> int:
    return int(look(how.engine, base)["Size"])


def _told(line: str, tell: Tell) -> None:
    if found := _STEP.match(line):
        stage, stages, step, steps, word = found.groups()
        tell(f"stage {stage or 1} of {stages or 1}, step {step} of {steps}: {word}")
