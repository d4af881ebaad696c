"""What a supervisor of processes does; systemd.py and plain.py are the two."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

Life = Literal["up", "coming", "down", "failed"]


class Service(NamedTuple):
    """A process of the node: `s4-node run` for one grid, called by its id, or `s4-node shard`, called by its name."""

    kind: Literal["run", "shard"]
    name: str
    home: Path  # what it serves


class Seen(NamedTuple):
    """A process as its supervisor sees it; pid 0 when there is none."""

    life: Life
    pid: int


class Supervisor(Protocol):
    """Keeps one process per service running."""

    def setup(self) -> str:
        """Whatever all services have in common is in place; the text changes when grids are to be restarted for it."""

    def see(self, services: Iterable[Service]) -> dict[str, Seen]:
        """How the processes are now, by the names of their services."""

    def restart(self, service: Service) -> None:
        """A process that was started after this call serves it, now and after the next boot."""

    def stop(self, service: Service) -> None:
        """No process serves it, nor will one after the next boot."""
