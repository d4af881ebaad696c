"""How far a long piece of work is: a bar for a person, a line for a log."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from s4_ops.backup.sealing import Reads

Advance = Callable[[int], None]


class Watched:
    """A stream that tells how much of it was read."""

    def __init__(self, stream: Reads, advance: Advance) -> None:
        self._stream = stream
        self._advance = advance

    def read(self, size: int = -1, /) -> bytes:
        """From the stream."""
        data = self._stream.read(size)
        self._advance(len(data))
        return data


class Steps:
    """Names what is being done; on a terminal with a bar of its bytes."""

    def __init__(self, bars: Progress | None) -> None:
        self._bars = bars

    @contextmanager
    def step(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """One piece of the work."""
        if self._bars is None:
            print(name, file=sys.stderr, flush=True)
            yield lambda _count: None
            return
        bars, task = self._bars, self._bars.add_task(name, total=total)
        yield lambda count: bars.update(task, advance=count)
        done = bars.tasks[task].completed
        bars.update(task, total=done or 1, completed=done or 1)


@contextmanager
def steps() -> Iterator[Steps]:
    """Bars where standard error is a terminal, else a line for each step."""
    if not sys.stderr.isatty():
        yield Steps(None)
        return
    columns = (TextColumn("{task.description:<28}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        yield Steps(bars)
