"""What a supervisor of grids does; systemd.py and plain.py are the two."""

from typing import Literal, NamedTuple, Protocol

Life = Literal["up", "coming", "down", "failed"]


class Seen(NamedTuple):
    """A grid's process as its supervisor sees it; pid 0 when there is none."""

    life: Life
    pid: int


class Supervisor(Protocol):
    """Keeps one process per grid running."""

    def setup(self) -> str:
        """Whatever all grids of the host share is in place; the text changes when grids have to be restarted for it."""

    def see(self, grid_id: str) -> Seen:
        """How the grid's process is now."""

    def restart(self, grid_id: str) -> None:
        """A process that was started after this call serves the grid, now and after the next boot."""

    def stop(self, grid_id: str) -> None:
        """No process serves the grid, nor will one after the next boot."""
