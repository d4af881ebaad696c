"""One process at a time serves from a state folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StateInUse(Exception):
    """Another process serves from this state folder."""


@contextmanager
def owned(state: Path) -> Iterator[None]:
    """Nobody else serves from this folder or sweeps it. Raises StateInUse."""
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateInUse(f"another process serves from {state}") from None
        yield
