"""How far a build is: a moving line on a terminal, one line per image elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Shown:
    """What a person sees of it, on standard error."""

    def __init__(self, bars: Progress | None, task: TaskID | None) -> None:
        self._bars, self._task = bars, task

    @contextmanager
    def one(self, name: str) -> Iterator[Callable[[str], None]]:
        """An image is being built; the function says which step."""
        if self._bars is None or self._task is None:
            print(f"{name}: building", file=sys.stderr, flush=True)
            yield lambda _step: None
            return
        bars, task = self._bars, self._task
        bars.update(task, description=name)
        yield lambda step: bars.update(task, description=f"{name}: {step}")
        bars.advance(task)

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._bars is None:
            print(text, file=sys.stderr, flush=True)
        else:
            self._bars.console.print(text, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def progress(total: int) -> Iterator[Shown]:
    """A bar where standard error is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Shown(None, None)
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True) as bars:
        yield Shown(bars, bars.add_task("images", total=total))
