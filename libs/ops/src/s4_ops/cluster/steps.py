"""What a command does, one step after the other: the same list is shown first and done afterwards."""

import shlex
from collections.abc import Callable, Sequence
from typing import TextIO

import msgspec

from s4_ops.cluster.programs import Programs


class Step(msgspec.Struct, frozen=True):
    """Something that can be done twice. ``shown``: the command, or what is done without; ``why``: what changes."""

    shown: str
    why: str
    do: Callable[[], None]


def command(programs: Programs, words: Sequence[str], why: str) -> Step:
    """A program is run with exactly these words."""
    return Step(
        f"{programs.shown} {shlex.join(words)}" if words[0] == "kops" else shlex.join(words),
        why,
        lambda: programs.run(words),
    )


def show(steps: Sequence[Step], out: TextIO) -> None:
    """Every step, with what it would change."""
    out.writelines(f"{number:2}. {step.why}\n    $ {step.shown}\n" for number, step in enumerate(steps, 1))


def carry_out(steps: Sequence[Step], out: TextIO) -> None:
    """All steps are done, in their order; the first that fails ends it, and all may be done again from the start."""
    for number, step in enumerate(steps, 1):
        out.write(f"[{number}/{len(steps)}] {step.why}\n    $ {step.shown}\n")
        out.flush()
        step.do()
