"""The grids of this host: applied, stopped and removed."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s4_node.host import credentials
from s4_node.host.configuration import HostConfiguration
from s4_node.host.files import create, differing, only_one, read, remove, replace, require_room, write
from s4_node.host.homes import Home, Homes, hand_over
from s4_node.host.looking import Looking
from s4_node.host.owner import Owner, owner_of
from s4_node.host.rendering import grid_files, sequence_text
from s4_node.host.shards import Shards
from s4_node.host.specification import SEQUENCE, Specification
from s4_node.host.supervisors import Life, Service, Supervisor

LOOK_AGAIN_SECONDS = 0.05
ANNOUNCED = f"storage/{SEQUENCE}"
LENT = f"storage/{credentials.PATH}"


@dataclass(frozen=True)
class Grids:
    """What the commands do; each may be killed on any line and repeated."""

    configuration: HostConfiguration
    supervisor: Supervisor

    def apply(self, wanted: Specification) -> dict[str, Any]:
        """The grid is laid out as wanted and runs, or starts to; what was stored in it before is still there.

        All that it is comes with the specification: where its directory was lost, in whole or in part, it is the same
        grid again, and with its shares in a bucket nothing is missing.
        """
        began = time.monotonic()
        with only_one(self._notes, "host"):
            common, owner = self.supervisor.setup(), owner_of(self.configuration.user, wanted.shard)
        with only_one(self._notes, wanted.grid_id):
            before = self._homes.find(wanted.grid_id)
            home = self._at_its_place(wanted, before, owner)
            if wanted.shard is None:
                changed = self._apply_alone(wanted, home, owner, common)
            else:
                changed = self._apply_in_shard(wanted, wanted.shard, home, owner)
            changed |= before is not None and before.shard != wanted.shard
        self._shards.tidy()
        seen = self._await(wanted, began + wanted.wait_seconds)
        return {**seen, "changed": changed, "start_seconds": round(time.monotonic() - began, 3)}

    def status(self, grid_id: str) -> dict[str, Any]:
        """How the grid is."""
        return Looking(self._homes, self._shards).at_one(grid_id)

    def look(self) -> dict[str, Any]:
        """How all grids of the host are, and the host itself."""
        return Looking(self._homes, self._shards).at_all()

    def stop(self, grid_id: str) -> dict[str, Any]:
        """The grid is not served; what was stored in it stays."""
        with only_one(self._notes, grid_id):
            changed = self._leave(grid_id)
            self._shards.tidy()
        return {**self.status(grid_id), "changed": changed}

    def remove(self, grid_id: str) -> dict[str, Any]:
        """The grid is gone from this host, with all that was stored on the host. A bucket of it is not touched."""
        with only_one(self._notes, grid_id):
            self._leave(grid_id)
            gone = self._homes.gone(grid_id)
            changed = remove(gone)  # by a command that was killed
            while (home := self._homes.find(grid_id)) is not None:
                home.path.rename(gone)
                changed |= remove(gone)
            changed |= remove(self._homes.new(grid_id))
            self._shards.tidy()
            for kind in ("applied", "shard", "log", "lock"):
                self._note(grid_id, kind).unlink(missing_ok=True)
        return {**self.status(grid_id), "changed": changed}

    def _at_its_place(self, wanted: Specification, home: Home | None, owner: Owner) -> Home | None:
        """Where the grid is, which is where it is to be, and nobody serves it elsewhere; None where it is nowhere."""
        if home is not None and home.shard == wanted.shard:
            hand_over(home.path, owner)  # for a command that was killed while it did that
            return home
        require_room(self.configuration.root)
        self._leave(wanted.grid_id)
        self._note(wanted.grid_id, "applied").unlink(missing_ok=True)
        left = self._homes.find(wanted.grid_id)
        if left is None:
            return None
        place = self._homes.at_rest(wanted.grid_id, wanted.shard)
        self._put(left.path, place, owner)
        return place

    def _apply_alone(self, wanted: Specification, home: Home | None, owner: Owner, common: str) -> bool:
        files, own = grid_files(wanted, self.configuration), self._own(wanted.grid_id)
        applied, fingerprint = self._note(wanted.grid_id, "applied"), _fingerprint(files, common)
        stale = files if home is None else differing(home.path, files, owner)
        # not noted: a command was killed after it wrote files and before the process had seen them
        changed = bool(stale) or read(applied) != fingerprint
        starts = changed or self._life(own) in {"down", "failed"}
        self._write(wanted, home, stale, owner, starts=starts)
        if starts:
            self.supervisor.restart(own)
            write(applied, fingerprint)
        return changed

    def _apply_in_shard(self, wanted: Specification, shard: str, home: Home | None, owner: Owner) -> bool:
        files = grid_files(wanted, self.configuration)
        stale = files if home is None else differing(home.path, files, owner)
        starts = bool(stale) or home is None or home.is_at_rest
        self._write(wanted, home, stale, owner, starts=starts)
        write(self._note(wanted.grid_id, "shard"), shard)
        return self._shards.serve(shard, wanted.grid_id) == "restarted" or bool(stale)

    def _write(
        self, wanted: Specification, home: Home | None, stale: Mapping[str, str], owner: Owner, *, starts: bool
    ) -> None:
        """The grid's files are as wanted: all of them, or as they were."""
        changes = dict(stale)
        if wanted.credentials is not None:
            changes |= {LENT: wanted.credentials.text}
        announced = max(wanted.sequence, int(time.time()) if starts else 0)
        if home is None:
            beside = self._homes.new(wanted.grid_id)
            create(beside, {**changes, ANNOUNCED: f"{announced}\n"}, owner)
            self._put(beside, self._homes.at_rest(wanted.grid_id, wanted.shard), owner)
            return
        if stale:
            require_room(self.configuration.root)
        with owner.acting():
            changes[ANNOUNCED] = sequence_text(read(home.path / ANNOUNCED), announced)
        replace(home.path, differing(home.path, changes, owner), owner)
        if wanted.credentials is None:
            with owner.acting():
                (home.path / LENT).unlink(missing_ok=True)

    def _put(self, path: Path, place: Home, owner: Owner) -> None:
        """The directory at `path` is at its place, and its owner's."""
        if place.shard is None:
            hand_over(path, owner)
            path.rename(place.path)
        else:
            self._shards.take(path, place, owner)

    def _leave(self, grid_id: str) -> bool:
        """Nobody serves the grid; False when nobody did."""
        home, noted = self._homes.find(grid_id), read(self._note(grid_id, "shard"))
        shards = {shard for shard in (noted, home.shard if home else None) if shard}
        changed = home is not None and home.shard is not None and not home.is_at_rest
        if home is None or home.shard is None:
            own = self._own(grid_id)
            changed = self._life(own) != "down"
            if changed or home is not None or self._note(grid_id, "applied").exists():
                self.supervisor.stop(own)
        for shard in shards:
            self._shards.drop(shard, grid_id)
        self._note(grid_id, "shard").unlink(missing_ok=True)
        return changed

    def _await(self, wanted: Specification, deadline: float) -> dict[str, Any]:
        while True:
            seen = self.status(wanted.grid_id)
            if seen["state"] in {"running", "failed"} or time.monotonic() > deadline:
                return seen
            time.sleep(LOOK_AGAIN_SECONDS)

    def _own(self, grid_id: str) -> Service:
        return Service("run", grid_id, self._homes.at(grid_id, None).path)

    def _life(self, service: Service) -> Life:
        return self.supervisor.see([service])[service.name].life

    def _note(self, grid_id: str, kind: str) -> Path:
        return self._notes / f"{grid_id}.{kind}"

    @property
    def _notes(self) -> Path:
        return self.configuration.notes

    @property
    def _homes(self) -> Homes:
        return Homes(self.configuration.root)

    @property
    def _shards(self) -> Shards:
        return Shards(self._homes, self._notes, self.configuration.user, self.supervisor)


def _fingerprint(files: Mapping[str, str], common: str) -> str:
    return hashlib.sha256(json.dumps([sorted(files.items()), common]).encode()).hexdigest()
