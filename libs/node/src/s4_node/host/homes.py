"""Where the grids' directories are: one place each, whoever serves it.

A grid with a process of its own is in ROOT/GRID_ID, one of a shard in ROOT/.shards/NAME/grids/GRID_ID, or in .GRID_ID
there while the shard is not to serve it.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from s4_node.host.credentials import PATH, expiry_of
from s4_node.host.files import read
from s4_node.host.owner import Owner
from s4_node.host.refused import GRID_ID, SHARD

PORT = re.compile(r"^tub\.port = tcp:([0-9]{1,5})\b", re.MULTILINE)


@dataclass(frozen=True)
class Home:
    """A grid's directory."""

    path: Path
    shard: str | None
    is_at_rest: bool = False  # of a shard, which does not look at it

    @property
    def owner(self) -> Owner:
        """Whose it is. Raises FileNotFoundError when it went elsewhere."""
        found = self.path.lstat()
        return Owner(found.st_uid, found.st_gid)

    def ports(self) -> dict[str, int]:
        """The port of each node; 0 where its configuration is lost or broken."""
        with self.owner.acting():
            return {node: _port(read(self.path / node / "tahoe.cfg") or "") for node in ("introducer", "storage")}

    def credentials_until(self) -> str | None:
        """Until when what it was lent is good; None for a grid that was lent nothing."""
        with self.owner.acting():
            return expiry_of(read(self.path / "storage" / PATH) or "")


@dataclass(frozen=True)
class Homes:
    """All of a host."""

    root: Path

    def shard(self, name: str) -> Path:
        """What the process of that shard is given to serve."""
        return self.root / ".shards" / name

    def shards(self) -> list[str]:
        """The shards that there are."""
        return sorted(path.name for path in _inside(self.root / ".shards") if SHARD.fullmatch(path.name))

    def at(self, grid_id: str, shard: str | None) -> Home:
        """Where it is while it is served there."""
        return Home(self.root / grid_id if shard is None else self.shard(shard) / "grids" / grid_id, shard)

    def at_rest(self, grid_id: str, shard: str | None) -> Home:
        """Where it is while it is not. A grid with a process of its own needs no other place for that."""
        if shard is None:
            return self.at(grid_id, None)
        return Home(self.shard(shard) / "grids" / f".{grid_id}", shard, is_at_rest=True)

    def find(self, grid_id: str) -> Home | None:
        """Where it is now."""
        places = [self.at(grid_id, None)]
        for shard in self.shards():
            places += [self.at(grid_id, shard), self.at_rest(grid_id, shard)]
        return next((place for place in places if place.path.is_dir()), None)

    def all(self) -> dict[str, Home]:
        """Every grid of the host."""
        found = {path.name: Home(path, None) for path in _grids(self.root) if path.name[0] != "."}
        for shard in self.shards():
            for path in _grids(self.shard(shard) / "grids"):
                found[path.name.lstrip(".")] = Home(path, shard, is_at_rest=path.name[0] == ".")
        return dict(sorted(found.items()))

    def new(self, grid_id: str) -> Path:
        """Where it is made; a killed command may have left half of one there."""
        return self.root / f".new-{grid_id}"

    def gone(self, grid_id: str) -> Path:
        """Where it is deleted; a killed command may have left the rest of one there."""
        return self.root / f".gone-{grid_id}"


def hand_over(directory: Path, owner: Owner) -> None:
    """All that is in the directory is the new owner's; nobody serves it meanwhile.

    It is root's own until that is done, by which a command that was killed is known. Files of root's are left alone:
    the old owner may have made links to them.
    """
    if _is_of(directory.lstat(), owner):
        return
    os.chown(directory, os.geteuid(), os.getegid(), follow_symlinks=False)
    for _, folders, files, descriptor in os.fwalk(directory, follow_symlinks=False):
        for name in [*folders, *files]:
            found = os.lstat(name, dir_fd=descriptor)
            if found.st_uid != 0 and not _is_of(found, owner):
                os.chown(name, owner.uid, owner.gid, dir_fd=descriptor, follow_symlinks=False)
    os.chown(directory, owner.uid, owner.gid, follow_symlinks=False)


def _port(config: str) -> int:
    """As rendering.py writes it."""
    found = PORT.search(config)
    return int(found[1]) if found else 0


def _is_of(found: os.stat_result, owner: Owner) -> bool:
    return (found.st_uid, found.st_gid) == (owner.uid, owner.gid)


def _inside(directory: Path) -> list[Path]:
    try:
        return [*directory.iterdir()]
    except FileNotFoundError:
        return []


def _grids(directory: Path) -> Iterator[Path]:
    for path in _inside(directory):
        if GRID_ID.fullmatch(path.name.removeprefix(".")) and path.is_dir():
            yield path
