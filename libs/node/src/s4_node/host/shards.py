"""The shards of a host: processes that serve many grids, each there as long as it has one to serve."""

import os
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s4_node.host.files import only_one, remove
from s4_node.host.homes import Home, Homes, hand_over
from s4_node.host.owner import Owner, owner_of
from s4_node.host.processes import listening_ports
from s4_node.host.supervisors import Seen, Service, Supervisor
from s4_node.serve.control import NobodyServes, ask

TOLD_WITHIN_SECONDS = 30.0  # a grid that leaves may wait ten for its bucket


@dataclass(frozen=True)
class Shards:
    """Grids come to them and leave them one by one; the others are served meanwhile."""

    homes: Homes
    notes: Path
    user: str | None
    supervisor: Supervisor

    def service(self, name: str) -> Service:
        """The process of that shard."""
        return Service("shard", name, self.homes.shard(name))

    def see(self, name: str) -> Seen:
        """How it is now."""
        return self.supervisor.see([self.service(name)])[name]

    def take(self, path: Path, home: Home, owner: Owner) -> None:
        """The directory at `path` is the shard's own, which does not serve it yet."""
        assert home.shard is not None  # noqa: S101  a place of a shard
        hand_over(path, owner)
        with self._only_one(home.shard):
            self.lay_out(home.shard, owner)
            path.rename(home.path)

    def lay_out(self, name: str, owner: Owner) -> None:
        """The shard's directory is there: its process may make its socket in it, and touch nothing of root's."""
        folder = self.homes.shard(name)
        folder.parent.mkdir(mode=0o755, exist_ok=True)
        folder.parent.chmod(0o755)
        for path, mode in ((folder, 0o1770), (folder / "grids", 0o750)):
            path.mkdir(mode=0o700, exist_ok=True)
            os.chown(path, os.geteuid(), owner.gid)
            path.chmod(mode)

    def serve(self, name: str, grid_id: str) -> str:
        """The shard serves the grid, or is about to; what it did about it."""
        with self._only_one(name):
            resting, served = self.homes.at_rest(grid_id, name).path, self.homes.at(grid_id, name).path
            if resting.exists():
                resting.rename(served)
            if self.see(name).life in {"down", "failed"}:
                self.supervisor.restart(self.service(name))
        return self._tell(name, grid_id)

    def drop(self, name: str, grid_id: str) -> None:
        """The shard does not serve the grid; what is stored in it stays where it is."""
        resting = self.homes.at_rest(grid_id, name)
        with suppress(FileNotFoundError):
            self.homes.at(grid_id, name).path.rename(resting.path)
        if self.see(name).life in {"up", "coming"}:
            self._tell(name, grid_id)
            if self._still_listens(name, resting):
                self.supervisor.restart(self.service(name))  # who is silent so long serves nobody
        self.leave(name)

    def leave(self, name: str) -> None:
        """A shard without a grid to serve does not run; one without any is gone."""
        with self._only_one(name):
            left = self._grids(name)
            if all(grid[0] == "." for grid in left):
                self.supervisor.stop(self.service(name))
            if not left:
                remove(self.homes.shard(name))
                for note in (f"{name}.log", f"shard-{name}.lock"):
                    (self.notes / note).unlink(missing_ok=True)

    def tidy(self) -> None:
        """What a killed command has left of shards without a grid is gone, too."""
        for name in self.homes.shards():
            grids = self._grids(name)
            if not grids or (all(grid[0] == "." for grid in grids) and self.see(name).life != "down"):
                self.leave(name)

    def conditions(self, name: str, grid_id: str | None, seconds: float) -> dict[str, Any]:
        """What the shard says of its grids, or of one of them. Raises NobodyServes."""
        return ask_as_owner(self.homes.shard(name), owner_of(self.user, name), "GET", _path("/grids", grid_id), seconds)

    def _tell(self, name: str, grid_id: str) -> str:
        home, owner = self.homes.shard(name), owner_of(self.user, name)
        try:
            answer = ask_as_owner(home, owner, "POST", _path("/apply", grid_id), TOLD_WITHIN_SECONDS)
            return str(answer["grids"][grid_id]["change"])
        except (NobodyServes, KeyError, TypeError):
            return "awaited"  # it is being started and will look for itself, or is silent

    def _grids(self, name: str) -> list[str]:
        """The names of the directories of its grids; those that it does not serve begin with a dot."""
        grids = self.homes.shard(name) / "grids"
        return [path.name for path in grids.iterdir()] if grids.is_dir() else []

    def _still_listens(self, name: str, home: Home) -> bool:
        if not home.path.is_dir():
            return False
        return bool({*home.ports().values()} & listening_ports(self.see(name).pid))

    def _only_one(self, name: str) -> AbstractContextManager[None]:
        return only_one(self.notes, f"shard-{name}")


def ask_as_owner(home: Path, owner: Owner, method: str, path: str, seconds: float) -> dict[str, Any]:
    """What the process that serves `home` answers, asked as its owner: the socket there is of the owner's making."""
    with owner.acting():
        return ask(home, method, path, seconds)


def _path(page: str, grid_id: str | None) -> str:
    return page if grid_id is None else f"{page}?grid={grid_id}"
